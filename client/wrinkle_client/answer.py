"""From a raw answer to mask, probability and report; whatever the server sends is checked before it is believed."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_client.request import SegmentRequest
from wrinkle_client.transport import RawAnswer
from wrinkle_core.contract import MASK_PNG, PROBABILITY_PNG, REPORT_JSON
from wrinkle_core.errors import ServerFaultError
from wrinkle_core.report import Report

__all__ = ["Decoded", "decode_answer"]

_PNG_HEADER: Final = struct.Struct(">8s4x4sII")
_PNG_START: Final = (b"\x89PNG\r\n\x1a\n", b"IHDR")


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A checked answer; see ``SegmentationResult`` for the meaning of the parts."""

    mask: NDArray[np.uint8]
    probability: NDArray[np.float32] | None
    report: Report


def decode_answer(answer: RawAnswer, request: SegmentRequest, *, max_pixels: int) -> Decoded:
    """Check and decode an answer to ``request``.

    Raises:
        ContractError: The report is of another contract version or malformed.
        ServerFaultError: An output is missing, empty, damaged, over ``max_pixels``, or belongs to another request.
    """
    if answer.request_id != request.request_id:
        raise ServerFaultError("The answer carries the id of another request; the server or a gateway mixed them up.")
    report = Report.from_json(_output(answer, REPORT_JSON.name))
    if report.segmenter != request.segmenter:
        raise ServerFaultError(f"The report is of {report.segmenter!r}, asked for was {request.segmenter!r}.")
    width, height = report.image_width_px, report.image_height_px
    if width * height > max_pixels:
        raise ServerFaultError(f"The report tells of {width}x{height} px, this client accepts {max_pixels} pixels.")
    mask = _decode_png(_output(answer, MASK_PNG.name), MASK_PNG.name, "1", width, height)
    probability = None
    if request.probability:
        levels = _decode_png(_output(answer, PROBABILITY_PNG.name), PROBABILITY_PNG.name, "L", width, height)
        probability = np.divide(levels, 255, dtype=np.float32)  # (H, W) in [0, 1]
    return Decoded(mask=mask, probability=probability, report=report)


def _output(answer: RawAnswer, name: str) -> bytes:
    data = answer.tensors.get(name)
    if data is None:
        came = ", ".join((*answer.tensors, *answer.other_outputs)) or "none"
        raise ServerFaultError(f"The answer has no UINT8 output {name}; outputs that came: {came}.")
    if data.size == 0:
        sizes = ", ".join(f"{other} {tensor.size} bytes" for other, tensor in answer.tensors.items())
        raise ServerFaultError(f"The output {name} came empty ({sizes}); a server under numpy 2 answers like this.")
    return data.tobytes()


def _decode_png(data: bytes, name: str, mode: str, width: int, height: int) -> NDArray[np.uint8]:
    """Return (height, width) uint8: {0, 1} for a 1-bit picture, [0, 255] for an 8-bit one."""
    from PIL import Image

    if len(data) < _PNG_HEADER.size:
        raise _damaged(name)
    signature, chunk, png_width, png_height = _PNG_HEADER.unpack_from(data)
    if (signature, chunk) != _PNG_START:
        raise _damaged(name)
    if (png_width, png_height) != (width, height):  # before decoding: a small file can claim a huge picture
        raise ServerFaultError(f"{name} is {png_width}x{png_height} px, the report says {width}x{height}.")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.mode != mode:
                raise ServerFaultError(f"{name} is a PNG of mode {image.mode}, expected {mode}.")
            return np.array(image).astype(np.uint8, copy=False)
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(name) from error


def _damaged(name: str) -> ServerFaultError:
    return ServerFaultError(f"The output {name} is no PNG that can be read.")
