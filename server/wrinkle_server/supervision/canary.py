"""One real inference per ensemble: the only proof that a server answers.

``/v2/health/ready`` says that models are loaded, not that they work: with a wrong NumPy every request succeeds with
empty outputs, and a killed Python step leaves its model READY for ever. The photograph is scikit-image's astronaut
(public domain, NASA), a file of that package. The request is Triton's raw binary form, the one documented for curl.

Source: Triton extension_binary_data.md, "Raw Binary Request".
"""

from __future__ import annotations

import http.client
import importlib.resources
import json
from typing import Final

from wrinkle_core.contract import SegmenterContract, model
from wrinkle_core.errors import OverloadedError, ServerFaultError, ServerUnreachableError, from_wire

__all__ = ["infer_raw", "is_ready", "warm_up", "warmup_photo"]

_LENGTH_HEADER: Final = "Inference-Header-Content-Length"


def warmup_photo() -> bytes:
    """Return an encoded photograph with one face."""
    return (importlib.resources.files("skimage") / "data" / "astronaut.png").read_bytes()


def is_ready(host: str, http_port: int, timeout_s: float = 5.0) -> bool:
    """Return whether the server says that every model it was asked to load is ready."""
    connection = http.client.HTTPConnection(host, http_port, timeout=timeout_s)
    try:
        connection.request("GET", "/v2/health/ready")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def warm_up(host: str, http_port: int, spec: SegmenterContract, timeout_s: float) -> None:
    """Run one photograph through ``spec``'s ensemble.

    Raises:
        WrinkleError: The server did not answer, or answered with an error or an empty mask.
    """
    outputs = infer_raw(host, http_port, spec.ensemble, warmup_photo(), timeout_s)
    for tensor in model(spec.ensemble).outputs:
        if tensor.name not in outputs:
            raise ServerFaultError(f"The warm-up answer of {spec.ensemble} lacks {tensor.name}.")
    if not outputs["MASK_PNG"] or not outputs["REPORT_JSON"]:
        raise ServerFaultError(f"The warm-up answer of {spec.ensemble} is empty; is NumPy older than 2 installed?")


def infer_raw(host: str, http_port: int, model_name: str, photo: bytes, timeout_s: float) -> dict[str, bytes]:
    """Send one encoded photograph as a raw HTTP body and return the outputs by name.

    Raises:
        WrinkleError: What the server answered, by its code; ServerUnreachableError when nothing answered.
    """
    connection = http.client.HTTPConnection(host, http_port, timeout=timeout_s)
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
        raise ServerUnreachableError(f"Nothing answered on {host}:{http_port}: {type(error).__name__}.") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        text = body.decode("utf-8", "replace")
        unknown = OverloadedError if response.status == http.client.SERVICE_UNAVAILABLE else ServerFaultError
        raise from_wire(text) or unknown(f"HTTP {response.status}: {text[:200]}")
    return _split(body, int(response.getheader(_LENGTH_HEADER, "0")))


def _split(body: bytes, header_bytes: int) -> dict[str, bytes]:
    """Return the outputs of a binary answer: a JSON header, then each tensor's bytes in the header's order."""
    outputs: dict[str, bytes] = {}
    start = header_bytes
    for tensor in json.loads(body[:header_bytes])["outputs"]:
        end = start + int(tensor["parameters"]["binary_data_size"])
        outputs[tensor["name"]] = body[start:end]
        start = end
    return outputs
