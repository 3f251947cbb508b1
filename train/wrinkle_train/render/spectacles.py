"""Spectacles: plastic, clear or amber plastic, wire and rimless frames, with tint, shadow, glints and reflections.

All sizes are fractions of the inter-ocular distance.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_train.render.spectacle_frame import SpectacleFrame, spectacle_frame
from wrinkle_train.render.strokes import draw_strokes, mix

__all__ = ["add_spectacles"]

_Image = NDArray[np.float32]
_Opacity = NDArray[np.float32]
_Points = NDArray[np.float32]


def add_spectacles(
    image: _Image, landmarks_xy: _Points, eye_px: float, rng: np.random.Generator
) -> tuple[_Image, _Opacity]:
    """Return ``image`` with spectacles, and how far they hide the skin, (H, W) float32 in [0, 1].

    Args:
        image: (H, W, 3) float32 RGB in [0, 255].
        landmarks_xy: (468, 2) canvas pixels.
        eye_px: Inter-ocular distance in canvas pixels.
        rng: Decides everything.
    """
    frame = spectacle_frame(landmarks_xy, eye_px, rng)
    image, lenses = _lenses(image, frame, rng)
    width_px = float(np.exp(rng.uniform(np.log(0.010), np.log(0.10)))) * eye_px
    rod_px = width_px * rng.uniform(0.5, 1.4)
    rims = draw_strokes(image, frame.rims, width_px, closed=True)
    if rng.random() < 0.15:  # rimless: a lens's edge at most
        rims *= np.float32(rng.uniform(0.0, 0.25))
    solid = np.maximum(rims, draw_strokes(image, frame.rods, rod_px))
    if rng.random() < 0.25:  # half rims: the upper half only
        solid *= np.float32(0.1) + np.float32(0.9) * (_below(image, frame) < 0)
    image = _shadowed(image, solid, eye_px, rng)
    if rng.random() < 0.3:
        image = _clear(image, solid, frame, width_px, rod_px, rng)
    else:
        colour = rng.uniform(5, 80) * rng.uniform(0.6, 1.0, 3)
        if rng.random() < 0.4:
            colour = rng.uniform(110, 235) * rng.uniform(0.8, 1.0, 3)
        image = mix(image, np.asarray(solid * rng.uniform(0.6, 1.0), np.float32), colour)
    if rng.random() < 0.6:
        image = _glints(image, frame, width_px, rod_px, rng)
    return image, np.maximum(lenses, solid)


def _shadowed(image: _Image, solid: _Opacity, eye_px: float, rng: np.random.Generator) -> _Image:
    shift = rng.uniform(0.02, 0.1) * eye_px
    shadow = cv2.warpAffine(solid, np.array([[1, 0, rng.normal(0, 0.3) * shift], [0, 1, shift]]), solid.shape[::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.01, 0.04) * eye_px + 0.3) * rng.uniform(0.0, 0.55)
    return np.asarray(image * (1 - shadow[..., None]), np.float32)


def _clear(
    image: _Image, solid: _Opacity, frame: SpectacleFrame, width_px: float, rod_px: float, rng: np.random.Generator
) -> _Image:
    """See-through plastic: the skin's own colour through a warm or neutral tint, with edges darker or brighter."""
    tint = np.array([1.0, rng.uniform(0.55, 1.0), rng.uniform(0.2, 1.0)]) * rng.uniform(0.5, 1.2)
    through = np.clip(image * tint.astype(np.float32), 0, 255)
    image = np.asarray(image + (solid * np.float32(rng.uniform(0.3, 0.9)))[..., None] * (through - image), np.float32)
    inside = np.maximum(
        draw_strokes(image, frame.rims, max(width_px - 2.0, 0.3 * width_px), closed=True),
        draw_strokes(image, frame.rods, max(rod_px - 2.0, 0.3 * rod_px)),
    )
    edges = np.asarray(np.clip(solid - inside, 0, 1) * rng.uniform(0.2, 0.8), np.float32)
    level = rng.uniform(20, 110) if rng.random() < 0.65 else rng.uniform(200, 250)
    return mix(image, edges, level * tint / max(float(tint.max()), 1e-6))


def _lenses(image: _Image, frame: SpectacleFrame, rng: np.random.Generator) -> tuple[_Image, _Opacity]:
    """Return ``image`` behind lenses, and how far these hide it: not at all, or as sunglasses do."""
    lens: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(lens, [np.rint(rim).astype(np.int32) for rim in frame.rims], (255,))
    inside = lens.astype(np.float32) / 255
    hidden = np.zeros_like(inside)
    kind = rng.random()
    if kind < 0.12:
        hidden = np.asarray(inside * rng.uniform(0.65, 0.98), np.float32)
        image = mix(image, hidden, rng.uniform(5, 60) * rng.uniform(0.5, 1.0, 3))
    elif kind < 0.45:
        image = mix(image, inside * rng.uniform(0.03, 0.35), rng.uniform(40, 255, 3))
    if rng.random() < (0.8 if kind < 0.12 else 0.4):
        image = _reflections(image, inside, frame, rng)
    return image, hidden


def _below(image: _Image, frame: SpectacleFrame) -> NDArray[np.float32]:
    """Return each pixel's signed distance below the line through both lens centres."""
    rows, columns = np.indices(image.shape[:2], dtype=np.float32)
    first = frame.centres[0]
    return np.asarray((columns - first[0]) * frame.down[0] + (rows - first[1]) * frame.down[1], np.float32)


def _reflections(image: _Image, inside: _Opacity, frame: SpectacleFrame, rng: np.random.Generator) -> _Image:
    layer = np.zeros(image.shape[:2], np.float32)
    radius = frame.radius_px
    for centre in frame.centres:
        for _ in range(rng.integers(0, 4)):
            a = centre + rng.normal(0, 0.5 * radius, 2)
            b = a + rng.normal(0, 0.9 * radius, 2)
            stroke = np.asarray([a, b], np.float32)
            layer = np.maximum(layer, draw_strokes(image, [stroke], rng.uniform(0.03, 0.5) * radius))
    soft = cv2.GaussianBlur(layer, (0, 0), max(rng.uniform(0.01, 0.04) * radius, 0.4)) * inside * rng.uniform(0.1, 0.6)
    return mix(image, soft, np.array([250.0, 250.0, 255.0]))


def _glints(image: _Image, frame: SpectacleFrame, width_px: float, rod_px: float, rng: np.random.Generator) -> _Image:
    """Light along one edge of the rims and rods, as metal and polished plastic have."""
    strength = rng.uniform(0.1, 0.9)
    towards = -frame.down.astype(np.float32)
    rims = [rim + towards * np.float32(0.3 * width_px) for rim in frame.rims]
    rods = [rod + towards * np.float32(0.3 * rod_px) for rod in frame.rods]
    light = np.maximum(
        draw_strokes(image, rims, max(0.25 * width_px, 0.4), closed=True),
        draw_strokes(image, rods, max(0.3 * rod_px, 0.4)),
    )
    return mix(image, np.asarray(light * strength, np.float32), np.array([255.0, 255.0, 255.0]))
