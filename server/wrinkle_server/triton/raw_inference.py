"""One encoded photograph through an ensemble in Triton's raw binary form, the one documented for curl.

Source: Triton extension_binary_data.md, "Raw Binary Request".
"""

from __future__ import annotations

import http.client
import json
from typing import Final

from wrinkle_core.errors import OverloadedError, ServerFaultError, ServerUnreachableError, from_wire

__all__ = ["infer_over", "infer_raw"]

_LENGTH_HEADER: Final = "Inference-Header-Content-Length"


def infer_raw(host: str, http_port: int, model_name: str, photo: bytes, timeout_s: float) -> dict[str, bytes]:
    """Send one encoded photograph to a port; as ``infer_over``."""
    return infer_over(http.client.HTTPConnection(host, http_port, timeout=timeout_s), model_name, photo)


def infer_over(connection: http.client.HTTPConnection, model_name: str, photo: bytes) -> dict[str, bytes]:
    """Send one encoded photograph over a connection, close it, and return the outputs by name.

    Raises:
        WrinkleError: What the server answered, by its code; ServerUnreachableError when nothing answered.
    """
    try:
        connection.request(
            "POST",
            f"/v2/models/{model_name}/infer",
            body=photo,
            headers={"Content-Type": "application/octet-stream", _LENGTH_HEADER: "0"},
        )
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ServerUnreachableError(f"{model_name} was not answered: {type(error).__name__}.") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        text = body.decode("utf-8", "replace")
        unknown = OverloadedError if response.status == http.client.SERVICE_UNAVAILABLE else ServerFaultError
        raise from_wire(text) or unknown(f"HTTP {response.status}: {text[:200]}")
    try:
        return _split(body, int(response.getheader(_LENGTH_HEADER, "0")))
    except (ValueError, KeyError, TypeError) as error:
        raise ServerFaultError(f"The answer of {model_name} is none of Triton's.") from error


def _split(body: bytes, header_bytes: int) -> dict[str, bytes]:
    """Return the outputs of a binary answer: a JSON header, then each tensor's bytes in the header's order."""
    outputs: dict[str, bytes] = {}
    start = header_bytes
    for tensor in json.loads(body[:header_bytes])["outputs"]:
        end = start + int(tensor["parameters"]["binary_data_size"])
        outputs[tensor["name"]] = body[start:end]
        start = end
    return outputs
