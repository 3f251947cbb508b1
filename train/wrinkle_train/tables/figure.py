"""A sheet of example overlays: one column per test picture, one row per table row, truth on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_train.tables.result import ExampleFace, RowResult

__all__ = ["overlay_sheet", "write_sheet"]

_FOUND: Final = (60, 220, 90)
_FALSE: Final = (235, 60, 60)
_MISSED: Final = (250, 215, 60)
_TEXT: Final = (255, 255, 255)
_NEAR_PX: Final = 2
_LABEL_PX: Final = 18


def overlay_sheet(rows: Sequence[RowResult], tile_px: int = 192) -> NDArray[np.uint8]:
    """Return the sheet as (H, W, 3) uint8: green found, red false, yellow missed; 2 px off still counts as found.

    Args:
        rows: With the same example pictures each.
        tile_px: Side of one picture on the sheet.
    """
    strips = [_strip("truth", [_drawn(face, face.truth) for face in rows[0].examples], tile_px)]
    for row in rows:
        name = f"{row.paper.row}{f' {row.paper.regime}' if row.paper.regime else ''}  F1 {row.scores.mean.f1:.3f}"
        strips.append(_strip(name, [_drawn(face, face.marked) for face in row.examples], tile_px))
    return np.vstack(strips)


def write_sheet(path: Path, rows: Sequence[RowResult]) -> None:
    """Write the sheet as a JPEG."""
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(overlay_sheet(rows)[..., ::-1]))
    path.write_bytes(encoded.tobytes())


def _drawn(face: ExampleFace, marked: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = face.rgb.copy()
    element = np.ones((2 * _NEAR_PX + 1, 2 * _NEAR_PX + 1), np.uint8)
    near_truth, near_mark = cv2.dilate(face.truth, element) > 0, cv2.dilate(marked, element) > 0
    picture[(marked > 0) & near_truth] = _FOUND
    picture[(marked > 0) & ~near_truth] = _FALSE
    picture[(face.truth > 0) & ~near_mark] = _MISSED
    return picture


def _strip(name: str, pictures: Sequence[NDArray[np.uint8]], tile_px: int) -> NDArray[np.uint8]:
    tiles = [cv2.resize(picture, (tile_px, tile_px), interpolation=cv2.INTER_AREA) for picture in pictures]
    label: NDArray[np.uint8] = np.zeros((_LABEL_PX, tile_px * len(tiles), 3), np.uint8)
    cv2.putText(label, name, (4, _LABEL_PX - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _TEXT, 1, cv2.LINE_AA)
    return np.vstack([label, np.hstack(tiles)]).astype(np.uint8)
