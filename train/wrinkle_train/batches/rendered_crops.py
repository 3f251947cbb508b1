"""Endless training crops in the aligned frame, exactly as serving would feed them."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, inter_ocular_px
from wrinkle_core.contract import SegmenterContract, segmenter
from wrinkle_core.face_mask import LEFT_BROW, LEFT_EYE, LIPS_OUTER, NOSE, RIGHT_BROW, RIGHT_EYE, face_mask
from wrinkle_core.preprocess import network_input
from wrinkle_train.batches.kinds import Batch
from wrinkle_train.recipe import Recipe
from wrinkle_train.render.faces import FacePhoto, Library
from wrinkle_train.render.lines import FRAME_PX
from wrinkle_train.render.scene import Canvas, render_scene

__all__ = ["MARGIN_PX", "RenderedCrops", "random_crop"]

MARGIN_PX: Final = 16  # more than the texture map's kernel reaches
_LARGEST_TURN_DEG = 15.0
_LOOSE_SHARE = 0.4


class RenderedCrops:
    """Rendered batches by number.

    Args:
        library: Training faces and drawings.
        recipe: The run.
    """

    def __init__(self, library: Library, recipe: Recipe) -> None:
        self._library = library
        self._recipe = recipe
        self._spec = segmenter(recipe.segmenter)

    def batch(self, step: int) -> Batch:
        """Return batch number ``step``; the same number gives the same batch."""
        rng = np.random.default_rng((self._recipe.train.seed, step))
        samples = [self._sample(rng) for _ in range(self._recipe.train.batch_size)]
        pixels, wrinkle, weight = (np.stack(part) for part in zip(*samples, strict=True))
        return Batch(torch.from_numpy(pixels), torch.from_numpy(wrinkle).float(), torch.from_numpy(weight).float())

    def _sample(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        face = self._library.faces[rng.integers(len(self._library.faces))]
        canvas = random_crop(face, self._spec, self._recipe, rng)
        scene = render_scene(self._library, face, canvas, self._recipe.render, rng)
        size = canvas.height_px
        mask = face_mask(_loosened(scene.landmarks_xy, rng), size, size, self._spec.mask_rule)
        pixels = network_input(scene.image_rgb, mask, self._spec)
        inner = slice(MARGIN_PX, size - MARGIN_PX)
        crop = pixels[:, inner, inner], scene.wrinkle * mask, 1 - scene.ignored
        flip = -1 if rng.random() < 0.5 else 1
        return (
            np.ascontiguousarray(crop[0][..., ::flip]),
            np.ascontiguousarray(crop[1][inner, inner][:, ::flip]),
            np.ascontiguousarray(crop[2][inner, inner][:, ::flip]),
        )


def _loosened(landmarks_xy: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return landmarks whose eye, brow, lip and nose rings are a little off, as a mesh is on real faces.

    Lashes, brow hairs, lip and nostril edges then show now and then, without a label: the network learns to leave them
    alone.
    """
    loosened = landmarks_xy.copy()
    eye_px = inter_ocular_px(landmarks_xy)
    for ring in (LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, LIPS_OUTER, NOSE):
        if rng.random() < _LOOSE_SHARE:
            points = landmarks_xy[list(ring)]
            centre = points.mean(axis=0)
            shift = rng.normal(0, 0.03 * eye_px, 2)
            loosened[list(ring)] = centre + (points - centre) * rng.normal(0.95, 0.08) + shift
    return loosened


def random_crop(face: FacePhoto, spec: SegmenterContract, recipe: Recipe, rng: np.random.Generator) -> Canvas:
    """Return a jittered window of the aligned frame, with a margin around it, that holds part of the face."""
    train = recipe.train
    low, high = train.scale_range
    scale = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    angle = float(np.deg2rad(rng.uniform(-_LARGEST_TURN_DEG, _LARGEST_TURN_DEG)))
    size = train.crop_px + 2 * MARGIN_PX
    aligned = ffhq_alignment(face.landmarks_xy, spec.input_px)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ aligned[:, :2]
    oval = face.landmarks_xy @ linear.T
    low_xy, high_xy = oval.min(axis=0), oval.max(axis=0)
    slack = np.maximum((high_xy - low_xy - train.crop_px) / 2, 0) + 0.12 * train.crop_px
    centre = (low_xy + high_xy) / 2 + rng.uniform(-1, 1, 2) * slack
    matrix = np.column_stack([linear, size / 2 - centre])
    return Canvas(matrix, size, size, scale * spec.input_px / FRAME_PX)
