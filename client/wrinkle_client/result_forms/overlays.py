"""The overlay styles: which picture of ``wrinkle_core.drawing`` shows a result, and on which photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

import numpy as np
from numpy.typing import NDArray

from wrinkle_client.photo import read_photo
from wrinkle_client.result import OverlayStyle
from wrinkle_core import drawing
from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES, DEFAULT_MAX_PIXELS
from wrinkle_core.decode import DecodeLimits, decode_image
from wrinkle_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from wrinkle_client.photo import Photo
    from wrinkle_client.result import SegmentationResult

__all__ = ["OVERLAY_STYLES", "draw"]

OVERLAY_STYLES: Final[tuple[OverlayStyle, ...]] = get_args(OverlayStyle)


def draw(result: SegmentationResult, photo: Photo | None, style: OverlayStyle) -> NDArray[np.uint8]:
    """Return a picture of a result; see ``SegmentationResult.overlay``."""
    if style not in OVERLAY_STYLES:
        raise InvalidParameterError(f"There is no overlay style {style!r}; choose one of {', '.join(OVERLAY_STYLES)}.")
    if style == "heat" and result.probability is None:
        raise InvalidParameterError("A heat overlay needs the probability: call segment(..., probability=True).")
    photo_rgb = _upright(result, photo)
    if style == "heat" and result.probability is not None:
        return drawing.overlay_heat(photo_rgb, result.probability)
    lines_rgb = drawing.overlay_mask(photo_rgb, result.mask)
    return lines_rgb if style == "contour" else drawing.side_by_side(photo_rgb, lines_rgb)


def _upright(result: SegmentationResult, photo: Photo | None) -> NDArray[np.uint8]:
    """Return the photograph the result is of, decoded as the server does it."""
    if photo is None and result.photo is None:
        raise InvalidParameterError("This result came without its photograph (pickles leave it out): pass photo=.")
    height_px, width_px = result.mask.shape
    # What the server took may be drawn, also where its limits are wider than the contract's.
    max_bytes = max(DEFAULT_MAX_ENCODED_BYTES, len(result.photo or b""))
    limits = DecodeLimits(max_bytes, max(DEFAULT_MAX_PIXELS, height_px * width_px))
    encoded = result.photo if photo is None else read_photo(photo, max_encoded_bytes=max_bytes)
    photo_rgb = decode_image(encoded or b"", limits)
    if photo_rgb.shape[:2] != result.mask.shape:
        raise InvalidParameterError(
            f"The photograph is {photo_rgb.shape[1]}x{photo_rgb.shape[0]} px, the mask {width_px}x{height_px}: "
            "pass the photograph that was segmented."
        )
    return photo_rgb
