"""The two papers' augmentations, as warps; none changes colours.

Paper 1: horizontal flip (probability assumed 0.5) and a rotation of -45 to 45 degrees.
Paper 2 names its transforms only; the values are those of the same group's later training code (CSWinUNETR), read as
Albumentations' parameters: methods.md, section 3. Its elastic step (alpha 1, sigma 50) moves pixels by 0.004 px on
average and 0.02 px at most, its lens centre lies at most 0.1 px beside the middle: kept as published, both change next
to nothing.
"""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_train.data.records import FRAME_PX
from wrinkle_train.data.warps import Step, Warp, affine, axis_stretch, compose, displaced, lens, mirror, resized_crop

__all__ = ["Augmentation", "draw_warp"]

Augmentation = Literal["none", "paper1", "paper2"]
_PAPER_1_TURN_DEG: Final = 45.0
_CROP_AREA: Final = (0.67, 1.33)
_CROP_RATIO: Final = (3 / 4, 4 / 3)
_CROP_TRIES: Final = 10
_SCALE: Final = (0.7, 1.3)
_SHIFT: Final = 0.3
_TURN_DEG: Final = 30.0
_SHEAR_DEG: Final = 8.0
_ELASTIC_ALPHA_PX: Final = 1.0
_ELASTIC_SIGMA_PX: Final = 50.0
_ELASTIC_COARSE: Final = 16  # so smooth a field needs no finer grid
_GRID_CELLS: Final = 5
_GRID_LIMIT: Final = 0.3
_LENS_LIMIT: Final = 0.1


def draw_warp(augmentation: Augmentation, side_px: int, rng: np.random.Generator) -> Warp | None:
    """Return a random warp of a square sample, or None where nothing moves.

    Args:
        augmentation: Which paper's; ``none`` for evaluation.
        side_px: Side of the sample in pixels; lengths are scaled from the 1024 px frame.
        rng: Decides.
    """
    if augmentation == "none":
        return None
    steps: list[Step] = [mirror(side_px)] if rng.random() < 0.5 else []
    if augmentation == "paper1":
        steps.append(affine(side_px, angle_deg=rng.uniform(-_PAPER_1_TURN_DEG, _PAPER_1_TURN_DEG)))
    else:
        steps += _paper_2(side_px, rng)
    return compose(side_px, steps)


def _paper_2(side_px: int, rng: np.random.Generator) -> list[Step]:
    steps = [_random_crop(side_px, rng)]
    if rng.random() < 0.5:
        steps.append(
            affine(
                side_px,
                scale=rng.uniform(*_SCALE),
                angle_deg=rng.uniform(-_TURN_DEG, _TURN_DEG),
                shear_deg=(rng.uniform(-_SHEAR_DEG, _SHEAR_DEG), rng.uniform(-_SHEAR_DEG, _SHEAR_DEG)),
                shift_px=(rng.uniform(-_SHIFT, _SHIFT) * side_px, rng.uniform(-_SHIFT, _SHIFT) * side_px),
            )
        )
    if rng.random() < 0.5:
        steps.append(displaced(_elastic_field(side_px, rng)))
    if rng.random() < 0.5:
        widths = 1 + rng.uniform(-_GRID_LIMIT, _GRID_LIMIT, (2, _GRID_CELLS))
        steps.append(axis_stretch(side_px, widths[0].tolist(), widths[1].tolist()))
    if rng.random() < 0.5:
        k, dx, dy = rng.uniform(-_LENS_LIMIT, _LENS_LIMIT, 3)
        steps.append(lens(side_px, k, (dx, dy)))
    return steps


def _random_crop(side_px: int, rng: np.random.Generator) -> Step:
    """Return a crop of random area and ratio that fits; the whole picture after ten tries that did not."""
    for _ in range(_CROP_TRIES):
        area = rng.uniform(*_CROP_AREA) * side_px**2
        ratio = float(np.exp(rng.uniform(*np.log(_CROP_RATIO))))
        width, height = np.sqrt(area * ratio), np.sqrt(area / ratio)
        if width <= side_px and height <= side_px:
            left, top = rng.uniform(0, side_px - width), rng.uniform(0, side_px - height)
            return resized_crop(side_px, left, top, width, height)
    return resized_crop(side_px, 0, 0, side_px, side_px)


def _elastic_field(side_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (S, S, 2) displacements: white noise in [-1, 1] after a wide Gaussian, times alpha, on a coarse grid.

    Averaging white noise over a coarse cell divides its deviation by the cell's side, which the grid repeats.
    """
    scale = side_px / FRAME_PX
    coarse = max(side_px // _ELASTIC_COARSE, 2)
    noise = rng.uniform(-1, 1, (coarse, coarse, 2)).astype(np.float32) / np.float32(_ELASTIC_COARSE)
    smooth = cv2.GaussianBlur(noise, (0, 0), _ELASTIC_SIGMA_PX * scale / _ELASTIC_COARSE)
    field = cv2.resize(smooth, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field * np.float32(_ELASTIC_ALPHA_PX * scale), np.float32)
