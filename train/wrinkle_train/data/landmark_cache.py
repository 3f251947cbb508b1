"""Landmarks of a data set's pictures, found once and kept in a file.

Finding takes some 10 ms a picture and must not happen in data loader workers: the parent does it before training and
hands out a table. A killed search loses at most the last ``_SAVE_EVERY`` pictures.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import NoFaceError
from wrinkle_core.geometry import LANDMARK_COUNT
from wrinkle_train.data.reading import read_rgb
from wrinkle_train.data.records import PhotoRecord

if TYPE_CHECKING:
    from wrinkle_core.landmarks import FaceLandmarker

__all__ = ["LANDMARKS_FILE", "FoundLandmarks", "find_landmarks", "landmarks_at"]

LANDMARKS_FILE: Final = "landmarks-1.npz"  # the number rises when the landmark networks or this layout change
_SAVE_EVERY: Final = 200


@dataclass(frozen=True, slots=True)
class FoundLandmarks:
    """What was found.

    Attributes:
        shares: Per id, (468, 2) float32: x and y as shares of the picture's side, 0 at its left or upper edge.
        faceless: Ids of pictures without a face.
    """

    shares: Mapping[str, NDArray[np.float32]]
    faceless: tuple[str, ...] = ()

    def keep(self, records: Sequence[PhotoRecord]) -> tuple[PhotoRecord, ...]:
        """Return the records whose picture shows a face."""
        return tuple(record for record in records if record.id in self.shares)


@dataclass(frozen=True, slots=True)
class _Entry:
    size_bytes: int
    changed_ns: int
    shares: NDArray[np.float32]  # NaN where there is no face


def landmarks_at(shares: NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Return (468, 2) landmarks in pixels of a square picture of ``side_px``; whole numbers are pixel centres."""
    moved: NDArray[np.float32] = shares * np.float32(side_px) - np.float32(0.5)
    return moved


def find_landmarks(
    records: Sequence[PhotoRecord],
    cache: Path,
    *,
    landmarker: FaceLandmarker | None = None,
    skip_faceless: bool = False,
    on_photo: Callable[[int, int], None] | None = None,
) -> FoundLandmarks:
    """Find the landmarks of every picture, taking from the cache what did not change.

    Args:
        records: The pictures.
        cache: Folder for ``landmarks-1.npz``; made when missing. It may serve several data sets.
        landmarker: One is made when something must be found and none is given.
        skip_faceless: Report pictures without a face instead of raising.
        on_photo: Called with pictures done and pictures in all.

    Raises:
        NoFaceError: A picture shows no face and ``skip_faceless`` is off.
        InvalidImageError: A picture cannot be read.
    """
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / LANDMARKS_FILE
    entries = _read(file)
    shares: dict[str, NDArray[np.float32]] = {}
    faceless: list[str] = []
    unsaved = 0
    try:
        for done, record in enumerate(records, start=1):
            key, stat = str(record.image.resolve()), record.image.stat()
            entry = entries.get(key)
            if entry is None or (entry.size_bytes, entry.changed_ns) != (stat.st_size, stat.st_mtime_ns):
                if landmarker is None:
                    landmarker = _landmarker()
                entry = _Entry(stat.st_size, stat.st_mtime_ns, _find(record, landmarker))
                entries[key] = entry
                unsaved += 1
            if np.isnan(entry.shares).any():
                if not skip_faceless:
                    raise NoFaceError(f"No face was found in {record.image.name}; take the picture and its mask out.")
                faceless.append(record.id)
            else:
                shares[record.id] = entry.shares
            if unsaved >= _SAVE_EVERY:
                _write(file, entries)
                unsaved = 0
            if on_photo is not None:
                on_photo(done, len(records))
    finally:
        if unsaved:
            _write(file, entries)
    return FoundLandmarks(shares, tuple(faceless))


def _landmarker() -> FaceLandmarker:
    from wrinkle_core.landmarks import FaceLandmarker

    return FaceLandmarker()


def _find(record: PhotoRecord, landmarker: FaceLandmarker) -> NDArray[np.float32]:
    rgb = read_rgb(record.image)
    try:
        landmarks_xy = landmarker.find(rgb).landmarks_xyz[:, :2]
    except NoFaceError:
        return np.full((LANDMARK_COUNT, 2), np.nan, np.float32)
    sides = np.array(rgb.shape[1::-1], np.float32)
    return np.asarray((landmarks_xy + np.float32(0.5)) / sides, np.float32)


def _read(file: Path) -> dict[str, _Entry]:
    """Return the cache's entries; a file that cannot be read holds none and will be replaced."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            keys, stamps, points = arrays["keys"], arrays["stamps"], arrays["points"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    return {
        str(key): _Entry(int(stamp[0]), int(stamp[1]), shares)
        for key, stamp, shares in zip(keys, stamps, points, strict=True)
    }


def _write(file: Path, entries: Mapping[str, _Entry]) -> None:
    partial = file.with_name(f".{os.getpid()}-{file.name}")
    np.savez(
        partial,
        keys=np.array(list(entries)),
        stamps=np.array([(entry.size_bytes, entry.changed_ns) for entry in entries.values()], np.int64),
        points=np.stack([entry.shares for entry in entries.values()]),
    )
    os.replace(partial, file)
