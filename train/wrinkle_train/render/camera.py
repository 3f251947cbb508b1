"""What a camera and a file format do to a photograph, applied after rendering.

Focus, motion, exposure, colour, noise, resampling and JPEG: real photographs vary in all of these, and a network
trained without them learns the renderer instead of wrinkles.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["photograph"]

_Image = NDArray[np.float32]


def photograph(image: _Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8 of a float32 RGB scene in [0, 255]."""
    if rng.random() < 0.5:
        image = _lit_from_a_side(image, rng)
    image = _exposed(image, rng)
    if rng.random() < 0.35:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.1)), np.float32)
    if rng.random() < 0.3:
        image = _resampled(image, rng)
    if rng.random() < 0.2:
        amount = rng.uniform(0.3, 1.2)
        image = np.asarray(
            image + amount * (image - cv2.GaussianBlur(image, (0, 0), rng.uniform(0.7, 1.6))), np.float32
        )
    if rng.random() < 0.5:
        noise = rng.standard_normal(image.shape, np.float32)
        if rng.random() < 0.4:
            noise = noise.mean(axis=2, keepdims=True) * np.float32(1.7)
        if rng.random() < 0.3:
            noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7), np.float32).reshape(*image.shape[:2], -1) * 2
        image = image + noise * np.float32(np.exp(rng.uniform(np.log(0.7), np.log(9))))
    picture = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(35, 96))
        _, code = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)
    return picture


def _lit_from_a_side(image: _Image, rng: np.random.Generator) -> _Image:
    height, width = image.shape[:2]
    coarse = rng.normal(0, rng.uniform(0.05, 0.3), (3, 3)).astype(np.float32)
    field = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(image * np.exp(field)[..., None], np.float32)


def _exposed(image: _Image, rng: np.random.Generator) -> _Image:
    gamma = float(np.exp(rng.normal(0, 0.22)))
    gain = np.float32(np.exp(rng.normal(0, 0.12))) * np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    scene = np.power(np.clip(image, 0, 255) / 255, gamma, dtype=np.float32) * gain * 255
    if rng.random() < 0.5:
        grey = scene.mean(axis=2, keepdims=True)
        keep = np.float32(0.0 if rng.random() < 0.2 else rng.uniform(0.4, 1.4))
        scene = grey + keep * (scene - grey)
    if rng.random() < 0.5:
        scene = 128 + np.float32(rng.uniform(0.7, 1.25)) * (scene - 128)
    return np.asarray(scene, np.float32)


def _resampled(image: _Image, rng: np.random.Generator) -> _Image:
    height, width = image.shape[:2]
    factor = rng.uniform(0.5, 0.95)
    kernels = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=kernels[rng.integers(3)])
    return np.asarray(cv2.resize(small, (width, height), interpolation=kernels[rng.integers(1, 3)]), np.float32)
