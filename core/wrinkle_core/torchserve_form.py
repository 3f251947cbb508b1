"""How a request and its answer travel through TorchServe: one image file in, one JSON body out.

The body of ``POST /predictions/ENSEMBLE`` is the image file; what the caller chooses are headers, for TorchServe passes
no query string on. The answer is a JSON object whose values have the contents of the ensemble's tensors. The handler
writes this form and the client reads it; docs/torchserve.md shows an example.

Source: TorchServe docs/inference_api.md.
"""

from __future__ import annotations

from typing import Final

from wrinkle_core.contract import GEOMETRY, MASK_PNG, PROBABILITY_PNG, REPORT_JSON, SKIN_MASK_PNG

__all__ = ["DESCRIBE_HEADER", "ENCODED_TENSORS", "REPORT_KEY", "REQUEST_ID_HEADER", "header_of"]

REQUEST_ID_HEADER: Final = "x-request-id"
# A request with this header is answered without a photograph: the model's identity, proof that its worker runs.
DESCRIBE_HEADER: Final = "x-wrinkle-describe"
REPORT_KEY: Final = REPORT_JSON.name.removesuffix("_JSON").lower()  # an object, not text
_ENCODED: Final = (MASK_PNG, PROBABILITY_PNG, SKIN_MASK_PNG, GEOMETRY)
# Tensors whose bytes are in the body as Base64, by their keys; GEOMETRY is float32, little-endian.
ENCODED_TENSORS: Final = {tensor.name.lower(): tensor for tensor in _ENCODED}


def header_of(choice: str) -> str:
    """Return the header, in lower case, that carries a request parameter or ``geometry``."""
    return f"x-wrinkle-{choice.replace('_', '-')}"
