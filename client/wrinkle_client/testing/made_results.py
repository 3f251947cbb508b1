"""Results made from the picture alone: dark pixels stand for wrinkles, the picture's middle for a face."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client.photo import Photo, read_photo
from wrinkle_client.request import check_threshold
from wrinkle_client.result import SegmentationResult, Timings
from wrinkle_core.contract import (
    CONTRACT_VERSION,
    DEFAULT_MAX_ENCODED_BYTES,
    DEFAULT_MAX_PIXELS,
    SegmenterContract,
    segmenter,
)
from wrinkle_core.decode import DecodeLimits, decode_image
from wrinkle_core.geometry import LANDMARK_COUNT, CaptureQuality, Geometry
from wrinkle_core.report import REGION_NAMES, WHOLE_FACE, QualityWarning, RegionFigures, Report
from wrinkle_core.step_timings import StepTimings

__all__ = ["make_result"]

_SMALL_FACE_PX = 400
_TIMINGS = Timings(total_s=0.0, request_s=0.0, decode_s=0.0, attempts=1)
_LUMA = np.array([299, 587, 114], np.uint32)


def make_result(
    photo: Photo | None = None,
    *,
    model: str = "unetpp",
    threshold: float | None = None,
    probability: bool = False,
    skin_mask: bool = False,
    geometry: bool = False,
    request_id: str = "made-up",
) -> SegmentationResult:
    """Return a result that follows from the picture alone; the options are those of ``segment``.

    The probability of a pixel is its darkness inside the ellipse that touches the picture's four sides, and 0 outside.
    ``FakeServer`` and ``MockTransport`` answer the same, so a test can compare.

    Args:
        photo: Any picture; by default a small one with a few dark lines.
        model: ``unetpp`` or ``unet_texture``.
        threshold: Probability in [0, 1] at and above which a pixel is marked; None takes the model's own.
        probability: Also make the probability map.
        skin_mask: Also make the skin mask: the ellipse.
        geometry: Also make a geometry: 468 points spread over the ellipse.
        request_id: As of a call.

    Raises:
        InvalidImageError: The bytes cannot be read.
        InvalidParameterError: Unknown model, or the threshold is not in [0, 1].
    """
    spec = segmenter(model)
    check_threshold(threshold)
    level = spec.default_threshold if threshold is None else threshold
    encoded = _lined_picture() if photo is None else read_photo(photo, max_encoded_bytes=DEFAULT_MAX_ENCODED_BYTES)
    photo_rgb = decode_image(encoded, DecodeLimits(max_pixels=DEFAULT_MAX_PIXELS))
    skin = _ellipse(*photo_rgb.shape[:2])
    darkness = _darkness(photo_rgb) * skin
    mask = ((darkness >= math.ceil(round(255.0 * level, 6))) & (skin == 1)).astype(np.uint8)
    where = _geometry(spec, *photo_rgb.shape[:2])
    return SegmentationResult(
        mask=mask,
        probability=np.divide(darkness, 255, dtype=np.float32) if probability else None,
        report=_report(spec, level, mask, darkness, skin, where),
        model=spec.name,
        model_version="1",
        request_id=request_id,
        timings=_TIMINGS,
        skin_mask=skin if skin_mask else None,
        geometry=where if geometry else None,
        photo=encoded,
    )


def _lined_picture() -> bytes:
    """Return a PNG file of 96 x 96 pixels: light skin with three dark lines."""
    picture = np.full((96, 96, 3), (224, 188, 164), np.uint8)
    for row in (24, 28, 60):
        picture[row : row + 2, 24:72] = (70, 45, 40)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def _darkness(photo_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 255 minus luma, (H, W) in [0, 255], in whole numbers: the same on every machine."""
    luma = (photo_rgb.astype(np.uint32) @ _LUMA + 500) // 1000
    darkness: NDArray[np.uint8] = (255 - luma).astype(np.uint8)
    return darkness


def _ellipse(height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Return the ellipse that touches the picture's sides, (H, W) in {0, 1}."""
    y = np.linspace(-1, 1, height_px)[:, None] if height_px > 1 else np.zeros((1, 1))
    x = np.linspace(-1, 1, width_px)[None, :] if width_px > 1 else np.zeros((1, 1))
    inside: NDArray[np.uint8] = (x**2 + y**2 <= 1.0).astype(np.uint8)
    return inside


def _report(
    spec: SegmenterContract,
    threshold: float,
    mask: NDArray[np.uint8],
    darkness: NDArray[np.uint8],
    skin: NDArray[np.uint8],
    geometry: Geometry,
) -> Report:
    seen = max(1, int(skin.sum()))
    fraction = round(int(mask.sum()) / seen, 5)
    mean = round(int(darkness.sum()) / (255 * seen), 5)
    figures = (1.0, fraction, round(10 * fraction, 5), round(6 * fraction, 5), round(4 * fraction, 5), mean)
    small = QualityWarning("SMALL_FACE", f"The face is {mask.shape[0]} px high; {_SMALL_FACE_PX} px are better.")
    return Report(
        contract_version=CONTRACT_VERSION,
        segmenter=spec.name,
        threshold=threshold,
        image_width_px=mask.shape[1],
        image_height_px=mask.shape[0],
        interocular_distance_px=round(0.3 * mask.shape[1], 2),
        whole_face=RegionFigures(WHOLE_FACE, *figures),
        regions=tuple(RegionFigures(name, *figures) for name in REGION_NAMES),
        quality=geometry.quality,
        warnings=(small,) if mask.shape[0] < _SMALL_FACE_PX else (),
        step_timings=StepTimings(1.0, 2.0, 1.0),
    )


def _geometry(spec: SegmenterContract, height_px: int, width_px: int) -> Geometry:
    """Return a geometry whose aligned frame is the picture, stretched to a square, with points on a spiral."""
    turns = np.sqrt((np.arange(LANDMARK_COUNT) + 0.5) / LANDMARK_COUNT)
    angles = np.arange(LANDMARK_COUNT) * np.pi * (3 - np.sqrt(5))
    unit = np.stack([turns * np.cos(angles), turns * np.sin(angles)], axis=1)
    size = np.array([width_px, height_px])
    to_aligned = np.zeros((2, 3))
    to_aligned[:, :2] = np.diag(spec.input_px / size)
    return Geometry(
        segmenter=spec,
        image_width_px=width_px,
        image_height_px=height_px,
        photo_to_aligned=to_aligned.astype(np.float32).astype(np.float64),
        quality=CaptureQuality(float(height_px), 0.0, 0.0, 0.0, 10.0, 0.5, 0.0, 0.0, 1.0, 1.0),
        landmarks_xy=((unit + 1) / 2 * (size - 1)).astype(np.float32),
    )
