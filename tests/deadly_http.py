"""HTTP requests each of which ends Triton 2.51 when it reaches its front end; the gateway must stop every one."""

from __future__ import annotations

import json
from typing import Final

__all__ = ["DEADLY_BODIES"]


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
