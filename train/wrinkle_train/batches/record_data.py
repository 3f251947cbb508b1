"""Batches from the pictures of a data folder: for training, for a pretraining stage, for evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import torch

from wrinkle_train.batches.kinds import Batch, PictureBatch
from wrinkle_train.batches.training_data import TrainingData
from wrinkle_train.comparison.semi_automatic import rough_mask, semi_automatic_label
from wrinkle_train.data.fingerprint import records_sha256
from wrinkle_train.data.landmark_cache import FoundLandmarks, find_landmarks
from wrinkle_train.data.parts import RecordParts
from wrinkle_train.data.photo_dataset import (
    PicturePhotos,
    SampleOptions,
    SegmentationPhotos,
    TexturePhotos,
    segmentation_batch,
    texture_batch,
)
from wrinkle_train.data.photo_frame import FrameOptions, PhotoFrame
from wrinkle_train.data.records import FRAME_PX, PhotoRecord
from wrinkle_train.data.sample_order import SampleOrder
from wrinkle_train.recipe import DataRecipe, FilterRecipe, PretrainingStage, Recipe
from wrinkle_train.recipe_schema.optimisation import TrainRecipe

__all__ = ["evaluation_photos", "record_data", "record_pretraining_data"]

_KEEP_MB: Final = 768
_ROUGH_DILATE_PX: Final = 7  # of the 1024 px frame; methods.md section 4 says 5 to 9

OnPhoto = Callable[[int, int], None]


def record_data(parts: RecordParts, recipe: Recipe, cache: Path, on_photo: OnPhoto | None = None) -> TrainingData:
    """Return the training and validation data of a recipe.

    Args:
        parts: The pictures.
        recipe: The run.
        cache: Folder for landmarks found.
        on_photo: Called while landmarks are searched.

    Raises:
        NoFaceError: A labelled picture shows no face.
        ContractError: A picture lacks a file the recipe needs.
    """
    known = (*parts.train, *parts.val)
    frames = _frames(recipe, parts.labelled, texture=recipe.network.in_channels == 4)
    found = find_landmarks(known, cache, on_photo=on_photo) if frames.needs_landmarks else None
    train = _photos(parts.train, frames, _samples(recipe.train, recipe.data, frames), found, recipe.data.labels)

    def validation() -> Iterator[Batch]:
        whole = SegmentationPhotos(parts.val, frames, SampleOptions(keep_mb=0), found)
        return (segmentation_batch([whole[index]]) for index in range(len(whole)))

    return TrainingData(
        source=_RecordBatches(train, recipe.train, segmentation_batch),
        records=len(parts.train),
        digest=records_sha256(known),
        validation=validation if parts.val else None,
    )


def record_pretraining_data(
    parts: RecordParts, stage: PretrainingStage, cache: Path, on_photo: OnPhoto | None = None
) -> TrainingData:
    """Return the data of a pretraining stage: unmasked pictures, for ``texture`` with their masked texture maps.

    Pictures without a face are left out.

    Raises:
        ContractError: No picture is left.
    """
    settings = stage.pretraining.train
    assert settings is not None
    pool, found = parts.pool, None
    if stage.pretraining.task == "texture":
        frames = _frames(stage, pool, texture=True, labels=False)
        if frames.needs_landmarks:
            found = find_landmarks(pool, cache, skip_faceless=True, on_photo=on_photo)
            pool = found.keep(pool)
        photos: Any = TexturePhotos(pool, frames, _samples(settings, stage.data, frames), found)
        collate: Callable[[Any], Any] = texture_batch
    else:
        frames = FrameOptions(input_px=stage.input_px, mask="none", labels=False)
        photos = PicturePhotos(pool, frames, _samples(settings, stage.data, frames))
        collate = _picture_batch
    return TrainingData(_RecordBatches(photos, settings, collate), len(pool), _pool_digest(pool))


def evaluation_photos(
    parts: RecordParts, recipe: Recipe | FilterRecipe, cache: Path, on_photo: OnPhoto | None = None
) -> SegmentationPhotos:
    """Return the test pictures as the recipe's network sees them, whole and unvaried, with manual labels.

    Raises:
        NoFaceError: A picture shows no face.
        ContractError: A picture lacks a file the recipe needs.
    """
    with_texture = isinstance(recipe, Recipe) and recipe.network.in_channels == 4
    frames = _frames(recipe, parts.labelled, texture=with_texture)
    found = find_landmarks(parts.test, cache, on_photo=on_photo) if frames.needs_landmarks else None
    return SegmentationPhotos(parts.test, frames, SampleOptions(keep_mb=0), found)


class _SemiAutomaticPhotos(SegmentationPhotos):
    """Labels as Kim 2022 makes them, from the manual masks widened to rough ones."""

    def _prepared(self, index: int) -> PhotoFrame:
        frame = super()._prepared(index)
        assert frame.label is not None
        dilate_px = max(round(_ROUGH_DILATE_PX * self.frames.input_px / FRAME_PX), 1)
        label = semi_automatic_label(frame.rgb, rough_mask(frame.label, dilate_px=dilate_px))
        return replace(frame, label=label)


class _RecordBatches:
    def __init__(self, photos: Any, train: TrainRecipe, collate: Callable[[Any], Any]) -> None:
        self._photos = photos
        self._collate = collate
        self._order = SampleOrder(len(photos), train.batch_size, train.seed)

    def batch(self, number: int) -> Any:
        """Return batch ``number``."""
        return self._collate([self._photos[key] for key in self._order.batch(number)])


def _frames(
    recipe: Recipe | FilterRecipe | PretrainingStage,
    records: Sequence[PhotoRecord],
    *,
    texture: bool,
    labels: bool = True,
) -> FrameOptions:
    """Return how pictures are prepared; weak masks and parsing labels are taken where all ``records`` have them.

    ``records`` are all labelled pictures, or a pretraining pool, so that training and test see faces alike.
    """
    rule: Literal["skin", "face", "none"] = "face" if isinstance(recipe, PretrainingStage) else recipe.mask_rule
    parsed = rule == "face" and all(record.parsed is not None for record in records)
    weak = all(record.weak is not None for record in records)
    return FrameOptions(
        input_px=recipe.input_px,
        mask=rule,
        mask_from="parsed" if parsed else "mesh",
        texture="none" if not texture else "files" if weak else "computed",
        labels=labels,
    )


def _photos(
    records: Sequence[PhotoRecord],
    frames: FrameOptions,
    samples: SampleOptions,
    found: FoundLandmarks | None,
    labels: Literal["manual", "semi_automatic"],
) -> SegmentationPhotos:
    kind = _SemiAutomaticPhotos if labels == "semi_automatic" else SegmentationPhotos
    return kind(records, frames, samples, found)


def _samples(train: TrainRecipe, data: DataRecipe, frames: FrameOptions) -> SampleOptions:
    crop_px = train.crop_px if train.crop_px < frames.input_px else None
    return SampleOptions(augmentation=data.augmentation, crop_px=crop_px, seed=train.seed, keep_mb=_KEEP_MB)


def _picture_batch(samples: Sequence[Any]) -> PictureBatch:
    return PictureBatch(torch.stack(list(samples)))


def _pool_digest(pool: Sequence[PhotoRecord]) -> str:
    """Return a SHA-256 of names and sizes: reading 50,000 pictures would take longer than many a run."""
    lines = [f"{record.id} {record.image.stat().st_size}" for record in pool]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
