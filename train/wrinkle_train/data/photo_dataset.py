"""Samples for training and evaluation, map-style: random access, picklable, a pure function of (seed, epoch, index).

Three tasks read the same frames: segmentation (paper 1, paper 2 stage 2), texture maps from unmasked pictures (paper 2
stage 1), and pictures alone (denoising, masked modelling). All samples are uint8; normalisation is the network's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from wrinkle_core.errors import ContractError, InvalidParameterError, NoFaceError
from wrinkle_train.batches.kinds import Batch, TextureBatch
from wrinkle_train.data.augmentation import Augmentation, draw_warp
from wrinkle_train.data.landmark_cache import FoundLandmarks
from wrinkle_train.data.photo_frame import FrameOptions, PhotoFrame, prepare_frame
from wrinkle_train.data.records import PhotoRecord
from wrinkle_train.data.sample_order import SampleKey
from wrinkle_train.data.warps import Warp

__all__ = [
    "PicturePhotos",
    "SampleOptions",
    "SegmentationPhotos",
    "TexturePhotos",
    "segmentation_batch",
    "texture_batch",
]

_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """How samples are cut from frames.

    Attributes:
        augmentation: ``none`` for evaluation.
        crop_px: Side of a random window around a pixel of the face; None keeps the whole frame.
        seed: Of augmentation and windows.
        label_outside_mask: Keep label pixels outside the face mask, which the network cannot see.
        keep_mb: Prepared frames to keep in the memory of each process, MiB.
    """

    augmentation: Augmentation = "none"
    crop_px: int | None = None
    seed: int = 0
    label_outside_mask: bool = False
    keep_mb: int = 256


class _Planes(NamedTuple):
    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    texture: NDArray[np.uint8] | None
    label: NDArray[np.uint8] | None
    weight: NDArray[np.uint8] | None


class _Photos(Dataset[Any]):
    """What the three tasks share.

    Args:
        records: The pictures.
        frames: How they are prepared.
        samples: How samples are cut.
        landmarks: Needed where face masks come from the mesh.

    Raises:
        ContractError: There are no records, or one lacks a file that the options need.
        NoFaceError: A record has no landmarks but needs them.
        InvalidParameterError: The window is larger than the frame.
    """

    def __init__(
        self,
        records: Sequence[PhotoRecord],
        frames: FrameOptions,
        samples: SampleOptions | None = None,
        landmarks: FoundLandmarks | None = None,
    ) -> None:
        self.records = tuple(records)
        self.frames = frames
        self.samples = samples or SampleOptions()
        crop_px = self.samples.crop_px
        if crop_px is not None and not 1 <= crop_px <= frames.input_px:
            raise InvalidParameterError(f"A window of {crop_px} px does not fit a frame of {frames.input_px} px.")
        found = landmarks.shares if landmarks is not None else {}
        _require_files(self.records, frames, found.keys())
        self._shares = [found.get(record.id) for record in self.records] if frames.needs_landmarks else []
        self._kept: dict[int, PhotoFrame] = {}
        self._kept_bytes = 0

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.records)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a worker process needs: everything but the kept frames."""
        return {**self.__dict__, "_kept": {}, "_kept_bytes": 0}

    def frame(self, index: int) -> PhotoFrame:
        """Return one picture prepared, before augmentation; kept in memory while there is room."""
        if index in self._kept:
            return self._kept[index]
        frame = self._prepared(index)
        if self._kept_bytes + frame.size_bytes <= self.samples.keep_mb * _MB:
            self._kept[index] = frame
            self._kept_bytes += frame.size_bytes
        return frame

    def _prepared(self, index: int) -> PhotoFrame:
        return prepare_frame(self.records[index], self.frames, self._shares[index] if self._shares else None)

    def _planes(self, key: SampleKey | int) -> _Planes:
        """Return the planes of a sample after one common warp and window; a bare index is of epoch 0."""
        epoch, index = key if isinstance(key, tuple) else (0, key)
        frame = self.frame(index)
        rng = np.random.default_rng((self.samples.seed, epoch, index))
        warp = draw_warp(self.samples.augmentation, self.frames.input_px, rng)
        mask = frame.mask if warp is None else warp.mask(frame.mask)
        window = self._window(mask, rng)
        mask = mask[window]
        if warp is None:
            texture, label, weight = (
                None if plane is None else plane[window] for plane in (frame.texture, frame.label, frame.weight)
            )
            return _Planes(frame.rgb[window], mask, texture, label, weight)
        part = warp.window(*window)
        return _Planes(
            part.picture(frame.rgb),
            mask,
            None if frame.texture is None else part.picture(frame.texture),
            None if frame.label is None else part.mask(frame.label),
            None if frame.weight is None else _weight(part, frame.weight),
        )

    def _window(self, mask: NDArray[np.uint8], rng: np.random.Generator) -> tuple[slice, slice]:
        side, crop = len(mask), self.samples.crop_px
        if crop is None:
            return slice(0, side), slice(0, side)
        inside = np.flatnonzero(mask)
        centre = divmod(int(inside[rng.integers(len(inside))]), side) if len(inside) else (side // 2, side // 2)
        top, left = (min(max(at - crop // 2, 0), side - crop) for at in centre)
        return slice(top, top + crop), slice(left, left + crop)


class SegmentationPhotos(_Photos):
    """Masked pictures, with the masked texture map as a fourth channel where ``frames.texture`` asks for it."""

    def __getitem__(self, key: SampleKey | int) -> tuple[Tensor, Tensor, Tensor]:
        """Return pixels (C, H, W), wrinkle (H, W) {0, 1} and weight (H, W) {0, 1}, all uint8."""
        rgb, mask, texture, label, weight = self._planes(key)
        if label is None or weight is None:
            raise ContractError("Segmentation needs labels; build the frames with labels=True.")
        planes = [rgb[..., channel] * mask for channel in range(3)]
        if texture is not None:
            planes.append(texture * mask)
        if not self.samples.label_outside_mask:
            label = label * mask
        return torch.from_numpy(np.stack(planes)), _tensor(label), _tensor(weight)


class TexturePhotos(_Photos):
    """Unmasked pictures and their masked texture maps, computed here or from weak mask files."""

    def __getitem__(self, key: SampleKey | int) -> tuple[Tensor, Tensor]:
        """Return pixels (3, H, W) and texture (H, W), both uint8."""
        rgb, mask, texture, *_ = self._planes(key)
        if texture is None:
            raise ContractError("Texture pretraining needs texture maps; build the frames with texture='computed'.")
        return _tensor(rgb.transpose(2, 0, 1)), _tensor(texture * mask)


class PicturePhotos(_Photos):
    """Pictures alone, masked as ``frames.mask`` says; ``none`` for pretraining."""

    def __getitem__(self, key: SampleKey | int) -> Tensor:
        """Return pixels (3, H, W) uint8."""
        rgb, mask, *_ = self._planes(key)
        return _tensor((rgb * mask[..., np.newaxis]).transpose(2, 0, 1))


def segmentation_batch(samples: Sequence[tuple[Tensor, Tensor, Tensor]]) -> Batch:
    """Collate samples of ``SegmentationPhotos``."""
    pixels, wrinkle, weight = (torch.stack(part) for part in zip(*samples, strict=True))
    return Batch(pixels, wrinkle.float(), weight.float())


def texture_batch(samples: Sequence[tuple[Tensor, Tensor]]) -> TextureBatch:
    """Collate samples of ``TexturePhotos``."""
    pixels, texture = (torch.stack(part) for part in zip(*samples, strict=True))
    return TextureBatch(pixels, texture)


def _weight(part: Warp, weight: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the warped weight; outside the picture it is 1, for there is no wrinkle."""
    unknown = part.mask((weight == 0).astype(np.uint8))
    return np.asarray(unknown == 0, np.uint8)


def _tensor(plane: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.array(plane, order="C"))  # a copy: frames are kept


def _require_files(records: Sequence[PhotoRecord], frames: FrameOptions, with_landmarks: Any) -> None:
    """Raise before the first sample where a record lacks what every sample of it needs."""
    if not records:
        raise ContractError("The data set is empty; give a folder with pictures.")
    for record in records:
        name = record.image.name
        if frames.labels and record.mask is None:
            raise ContractError(f"{name} has no manual mask; add one or take the picture off the list.")
        if frames.texture == "files" and record.weak is None:
            raise ContractError(f"{name} has no weak mask; make them with `wrinkle weak-labels`.")
        if frames.mask_from == "parsed" and record.parsed is None:
            raise ContractError(f"{name} has no parsing labels; take masks from the mesh.")
        if frames.needs_landmarks and record.id not in with_landmarks:
            raise NoFaceError(f"{name} has no landmarks; find them first, or take the picture out.")
