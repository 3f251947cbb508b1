"""From a raw answer to masks, probability, report and geometry; whatever the server sends is checked before belief."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_client.request import SegmentRequest
from wrinkle_client.transports.messages import RawAnswer, Tensor, datatype_of
from wrinkle_core.contract import GEOMETRY, MASK_PNG, PROBABILITY_PNG, REPORT_JSON, SKIN_MASK_PNG, TensorContract
from wrinkle_core.errors import ServerFaultError
from wrinkle_core.geometry import Geometry
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
    skin_mask: NDArray[np.uint8] | None
    geometry: Geometry | None


def decode_answer(answer: RawAnswer, request: SegmentRequest, *, max_pixels: int) -> Decoded:
    """Check and decode an answer to ``request``.

    Raises:
        ContractError: The report or the geometry is of another contract version or malformed.
        ServerFaultError: An output is missing, empty, damaged, over ``max_pixels``, or belongs to another request.
    """
    if answer.request_id != request.request_id:
        raise ServerFaultError("The answer carries the id of another request; the server or a gateway mixed them up.")
    report = Report.from_json(_output(answer, REPORT_JSON).tobytes())
    if report.segmenter != request.segmenter:
        raise ServerFaultError(f"The report is of {report.segmenter!r}, asked for was {request.segmenter!r}.")
    size = width, height = report.image_width_px, report.image_height_px
    if width * height > max_pixels:
        raise ServerFaultError(f"The report tells of {width}x{height} px, this client accepts {max_pixels} pixels.")
    mask = _decode_png(answer, MASK_PNG, "1", size)
    probability = skin_mask = geometry = None
    if request.probability:
        levels = _decode_png(answer, PROBABILITY_PNG, "L", size)
        probability = np.divide(levels, 255, dtype=np.float32)  # (H, W) in [0, 1]
    if request.skin_mask:
        skin_mask = _decode_png(answer, SKIN_MASK_PNG, "1", size)
    if request.geometry:
        geometry = Geometry.unpack(np.asarray(_output(answer, GEOMETRY), np.float32))
        if (geometry.image_width_px, geometry.image_height_px) != size or geometry.segmenter.name != report.segmenter:
            raise ServerFaultError("The output GEOMETRY is of another photograph or segmenter than the report.")
    return Decoded(mask=mask, probability=probability, report=report, skin_mask=skin_mask, geometry=geometry)


def _output(answer: RawAnswer, contract: TensorContract) -> Tensor:
    name = contract.name
    tensor = answer.tensors.get(name)
    if tensor is None or datatype_of(tensor) != contract.datatype:
        came = ", ".join((*answer.tensors, *answer.other_outputs)) or "none"
        raise ServerFaultError(f"The answer has no {contract.datatype} output {name}; outputs that came: {came}.")
    if tensor.size == 0:
        sizes = ", ".join(f"{other} {each.nbytes} bytes" for other, each in answer.tensors.items())
        raise ServerFaultError(f"The output {name} came empty ({sizes}); a server under numpy 2 answers like this.")
    return tensor


def _decode_png(answer: RawAnswer, contract: TensorContract, mode: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return (height, width) uint8: {0, 1} for a 1-bit picture, [0, 255] for an 8-bit one."""
    from PIL import Image

    name, data = contract.name, _output(answer, contract).tobytes()
    if len(data) < _PNG_HEADER.size:
        raise _damaged(name)
    signature, chunk, width, height = _PNG_HEADER.unpack_from(data)
    if (signature, chunk) != _PNG_START:
        raise _damaged(name)
    if (width, height) != size:  # before decoding: a small file can claim a huge picture
        raise ServerFaultError(f"{name} is {width}x{height} px, the report says {size[0]}x{size[1]}.")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.mode != mode:
                raise ServerFaultError(f"{name} is a PNG of mode {image.mode}, expected {mode}.")
            return np.array(image).astype(np.uint8, copy=False)
    except ServerFaultError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, IndexError and more
        raise _damaged(name) from error


def _damaged(name: str) -> ServerFaultError:
    return ServerFaultError(f"The output {name} is no PNG that can be read.")
