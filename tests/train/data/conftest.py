"""Aligned faces as files, from pictures that ship in PyPI packages, and small stand-ins for data sets' folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, warp_to_aligned
from wrinkle_train.data.records import PhotoRecord

SavePng = Callable[[Path, NDArray[np.uint8]], Path]


def save_png(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write (H, W) grey or (H, W, 3) RGB pixels and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    return path


@pytest.fixture(scope="session", name="save_png")
def save_png_fixture() -> SavePng:
    """Return a writer of PNG files."""
    return save_png


@pytest.fixture(scope="session")
def aligned_face_rgb(
    astronaut_rgb: NDArray[np.uint8], astronaut_landmarks_xy: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return the astronaut in the FFHQ frame, (1024, 1024, 3)."""
    return warp_to_aligned(astronaut_rgb, ffhq_alignment(astronaut_landmarks_xy, 1024), 1024)


@pytest.fixture(scope="session")
def face_record(
    aligned_face_rgb: NDArray[np.uint8], drawn_mask: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory
) -> PhotoRecord:
    """Return one real aligned face with a drawn mask, on disk."""
    folder = tmp_path_factory.mktemp("face")
    return PhotoRecord(
        "00007",
        save_png(folder / "images" / "00007.png", aligned_face_rgb),
        save_png(folder / "masks" / "00007.png", drawn_mask),
    )


@pytest.fixture
def pattern_record(tmp_path: Path) -> PhotoRecord:
    """Return a picture, mask and weak mask that show the same white squares on black."""
    marks = np.zeros((1024, 1024), np.uint8)
    for x, y in ((300, 420), (700, 380), (512, 512), (380, 700), (660, 640)):
        marks[y - 20 : y + 20, x - 20 : x + 20] = 255
    return PhotoRecord(
        "00001",
        save_png(tmp_path / "image" / "00001.png", np.repeat(marks[..., np.newaxis], 3, axis=2)),
        save_png(tmp_path / "mask" / "00001.png", marks),
        weak=save_png(tmp_path / "weak" / "00001.png", marks),
    )
