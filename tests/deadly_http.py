"""HTTP requests each of which ends Triton 2.51 when it reaches its front end; Envoy must stop every one."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Final

from wrinkle_core.errors import from_wire

__all__ = ["DEADLY_BODIES", "told_about_deadly_bodies"]


def _as_list(datatype: str, shape: int, number: float) -> bytes:
    tensor = {"name": "IMAGE", "shape": [shape], "datatype": datatype, "data": [number]}
    return json.dumps({"inputs": [tensor]}).encode()


_DEEP_DATA: Final = b'{"inputs":[{"name":"IMAGE","shape":[1],"datatype":"UINT8","data":%s1%s}]}'

DEADLY_BODIES: Final = {
    "list for a shape of 2**62": _as_list("UINT8", 2**62, 1),
    "list for a shape of 2**40": _as_list("UINT8", 2**40, 1),
    "list of doubles for a shape of 2**60": _as_list("FP64", 2**60, 1.0),
    "name of the list spelled with an escape": _as_list("UINT8", 2**62, 1).replace(b'"data"', b'"d\\u0061ta"'),
    "a million deep": b"[" * 1_000_000,
    "objects 300,000 deep": b'{"a":' * 300_000,
    "list 100,000 deep": _DEEP_DATA % (b"[" * 100_000, b"]" * 100_000),
}


def told_about_deadly_bodies(http_port: int) -> list[str]:
    """Send every body to an ensemble on this machine and return the codes of the typed errors that come back."""
    codes = []
    for body in DEADLY_BODIES.values():
        with closing(http.client.HTTPConnection("127.0.0.1", http_port, timeout=30.0)) as connection:
            headers = {"Inference-Header-Content-Length": str(len(body))}
            connection.request("POST", "/v2/models/wrinkle_unetpp/infer", body=body, headers=headers)
            error = from_wire(connection.getresponse().read().decode("utf-8", "replace"))
        codes.append("no typed error" if error is None else error.code)
    return codes
