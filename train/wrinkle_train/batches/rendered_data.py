"""Training data rendered without end: crops with their masks, and crops for a pretraining stage."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from wrinkle_core.contract import MaskRule, segmenter
from wrinkle_core.face_mask import face_mask
from wrinkle_core.texture import texture_map
from wrinkle_train.batches.kinds import PictureBatch, TextureBatch
from wrinkle_train.batches.rendered_crops import MARGIN_PX, RenderedCrops, random_crop
from wrinkle_train.batches.training_data import TrainingData
from wrinkle_train.recipe import PretrainingStage, Recipe
from wrinkle_train.render.faces import Library
from wrinkle_train.render.scene import render_scene

__all__ = ["library_digest", "rendered_data", "rendered_pretraining_data"]


def rendered_data(library: Library, recipe: Recipe) -> TrainingData:
    """Return the endless training crops of a recipe."""
    return TrainingData(RenderedCrops(library, recipe), None, library_digest(library))


def rendered_pretraining_data(library: Library, stage: PretrainingStage) -> TrainingData:
    """Return endless crops for a stage: unmasked RGB, and the texture map inside the face."""
    return TrainingData(_PretrainingCrops(library, stage), None, library_digest(library))


def library_digest(library: Library) -> str:
    """Return the SHA-256 of everything that rendering takes from ``library``."""
    digest = hashlib.sha256(library.template.points_xy.tobytes())
    for face in library.faces:
        for part in (face.rgb, face.landmarks_xy, face.skin):
            digest.update(np.ascontiguousarray(part).tobytes())
    for drawing in library.drawings:
        for line in drawing:
            digest.update(np.ascontiguousarray(line.points_xy).tobytes())
    return digest.hexdigest()


class _PretrainingCrops:
    def __init__(self, library: Library, stage: PretrainingStage) -> None:
        assert stage.pretraining.train is not None
        self._library = library
        self._train = stage.pretraining.train
        self._with_texture = stage.pretraining.task == "texture"
        self._spec = segmenter(stage.segmenter)
        self._recipe = Recipe(
            segmenter=stage.segmenter,
            network=stage.network.model_copy(update={"in_channels": len(self._spec.channels)}),
            render=stage.render,
            train=self._train,
        )

    def batch(self, number: int) -> TextureBatch | PictureBatch:
        """Return batch ``number``."""
        rng = np.random.default_rng((self._train.seed, number))
        samples = [self._sample(rng) for _ in range(self._train.batch_size)]
        pixels, texture = (torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True))
        return TextureBatch(pixels, texture) if self._with_texture else PictureBatch(pixels)

    def _sample(self, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        face = self._library.faces[rng.integers(len(self._library.faces))]
        canvas = random_crop(face, self._spec, self._recipe, rng)
        scene = render_scene(self._library, face, canvas, self._recipe.render, rng)
        mask = face_mask(scene.landmarks_xy, canvas.height_px, canvas.width_px, MaskRule.FACE)
        texture = texture_map(scene.image_rgb) * mask
        inner = slice(MARGIN_PX, -MARGIN_PX)
        flip = -1 if rng.random() < 0.5 else 1
        pixels = scene.image_rgb[inner, inner][:, ::flip].transpose(2, 0, 1)
        return np.ascontiguousarray(pixels), np.ascontiguousarray(texture[inner, inner][:, ::flip])
