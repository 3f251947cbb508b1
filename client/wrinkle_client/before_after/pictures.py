"""Pictures of a comparison: both photographs aligned, with their lines, and one that shows only the change.

Kept lines are white, new ones orange, gone ones blue and dashed: colour-blind people tell the two colours apart, and
the dashes do without any colour. The face behind is grey, so that colour means change.

Source: Okabe and Ito, "Color Universal Design", 2008 (orange and sky blue).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from wrinkle_client.before_after.alignment import AlignedFace, AlignedPair
from wrinkle_client.before_after.line_changes import LineChanges
from wrinkle_core import drawing

__all__ = ["GONE_RGB", "KEPT_RGB", "NEW_RGB", "draw_change", "draw_face", "draw_side_by_side"]

KEPT_RGB: Final = (244, 244, 240)
NEW_RGB: Final = (255, 159, 28)
GONE_RGB: Final = (86, 180, 233)
_CASING_RGB: Final = (10, 14, 22)
_DASH_PX: Final = 11
_GREY_SHARE: Final = 0.78
_LEGEND_PX: Final = 64
_LEGEND_RGB: Final = (22, 28, 36)


def draw_face(face: AlignedFace) -> NDArray[np.uint8]:
    """Return an aligned photograph with its lines, (S, S, 3) uint8 RGB."""
    return drawing.overlay_mask(face.face_rgb, face.mask)


def draw_side_by_side(pair: AlignedPair) -> NDArray[np.uint8]:
    """Return both aligned photographs with their lines beside each other, (S, 2 S + gap, 3) uint8 RGB."""
    return drawing.side_by_side(draw_face(pair.before), draw_face(pair.after))


def draw_change(pair: AlignedPair, lines: LineChanges) -> NDArray[np.uint8]:
    """Return the second photograph in grey with kept, new and gone lines, and a legend below, uint8 RGB."""
    luma = np.asarray(Image.fromarray(pair.after.face_rgb).convert("L"), np.float32) * _GREY_SHARE
    picture = np.repeat(luma.astype(np.uint8)[..., None], 3, axis=2)
    for mask, colour_rgb in ((lines.kept, KEPT_RGB), (_dashed(lines.gone), GONE_RGB), (lines.new, NEW_RGB)):
        picture = drawing.overlay_mask(picture, mask, core_rgb=colour_rgb, casing_rgb=_CASING_RGB)
    return np.concatenate([picture, _legend(picture.shape[1])])


def _dashed(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a mask whose lines are cut into dashes across their own direction, each beginning with a dash."""
    dashed = np.zeros_like(mask)
    count, pieces = cv2.connectedComponents(mask, connectivity=8)
    for piece in range(1, count):
        y, x = np.nonzero(pieces == piece)
        points = np.stack([x, y]).astype(np.float64)
        _, directions = np.linalg.eigh(np.cov(points, bias=True))
        along_px = directions[:, 1] @ points
        dashed[y, x] = np.floor((along_px - along_px.min()) / _DASH_PX) % 2 == 0
    return dashed


def _legend(width_px: int) -> NDArray[np.uint8]:
    image = Image.new("RGB", (width_px, _LEGEND_PX), _LEGEND_RGB)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=26)
    middle = _LEGEND_PX // 2
    for number, (text, colour_rgb, dashes) in enumerate(
        (("kept", KEPT_RGB, False), ("new", NEW_RGB, False), ("gone", GONE_RGB, True))
    ):
        left = 40 + number * width_px // 3
        for start in range(left, left + 72, 24):
            draw.line((start, middle, start + (14 if dashes else 24), middle), fill=colour_rgb, width=8)
        draw.text((left + 90, middle), text, fill=KEPT_RGB, font=font, anchor="lm")
    return np.asarray(image)
