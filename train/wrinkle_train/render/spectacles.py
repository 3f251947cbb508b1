"""Spectacles: rims, bridge, pads and temples, thick plastic or thin wire, with tint, shadow, glints and reflections.

All sizes are fractions of the inter-ocular distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.face_mask import LEFT_EYE, RIGHT_EYE
from wrinkle_train.render.strokes import bezier, draw_strokes, mix

__all__ = ["add_spectacles"]

_Image = NDArray[np.float32]
_Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Curves of one pair in canvas pixels, and the unit vector from brow to chin."""

    rims: list[_Points]
    rods: list[_Points]
    centres: list[NDArray[np.float64]]
    radius_px: float
    down: NDArray[np.float64]


def add_spectacles(
    image: _Image, landmarks_xy: _Points, eye_px: float, rng: np.random.Generator
) -> tuple[_Image, NDArray[np.float32]]:
    """Return ``image`` with spectacles, and their frame's opacity, (H, W) float32 in [0, 1].

    Args:
        image: (H, W, 3) float32 RGB in [0, 255].
        landmarks_xy: (468, 2) canvas pixels.
        eye_px: Inter-ocular distance in canvas pixels.
        rng: Decides everything.
    """
    frame = _frame(landmarks_xy, eye_px, rng)
    image = _lenses(image, frame, rng)
    width_px = float(np.exp(rng.uniform(np.log(0.010), np.log(0.10)))) * eye_px
    rod_px = width_px * rng.uniform(0.5, 1.1)
    colour = rng.uniform(5, 80) * rng.uniform(0.6, 1.0, 3)
    if rng.random() < 0.4:
        colour = rng.uniform(110, 235) * rng.uniform(0.8, 1.0, 3)
    solid = np.maximum(draw_strokes(image, frame.rims, width_px, closed=True), draw_strokes(image, frame.rods, rod_px))
    if rng.random() < 0.25:  # half rims: the upper half only
        solid *= np.float32(0.1) + np.float32(0.9) * (_below(image, frame) < 0)
    shift = rng.uniform(0.02, 0.1) * eye_px
    shadow = cv2.warpAffine(solid, np.array([[1, 0, rng.normal(0, 0.3) * shift], [0, 1, shift]]), solid.shape[::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.01, 0.04) * eye_px + 0.3) * rng.uniform(0.0, 0.55)
    image = np.asarray(image * (1 - shadow[..., None]), np.float32)
    covered = np.asarray(solid * rng.uniform(0.6, 1.0), np.float32)
    image = mix(image, covered, colour)
    if rng.random() < 0.6:
        image = _glints(image, frame, width_px, rod_px, rng)
    return image, covered


def _frame(face: _Points, eye_px: float, rng: np.random.Generator) -> _Frame:
    radius = rng.uniform(0.34, 0.60) * eye_px
    squash, power = rng.uniform(0.7, 1.0), rng.uniform(1.0, 2.2)
    right, left = (face[list(eye)].mean(axis=0) for eye in (RIGHT_EYE, LEFT_EYE))
    along = np.asarray((left - right) / max(float(np.hypot(*(left - right))), 1e-6), np.float64)
    down = np.array([-along[1], along[0]])
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.column_stack(
        [
            np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (1 / power),
            squash * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (1 / power),
        ]
    )
    drop = down * rng.uniform(-0.05, 0.35) * eye_px
    centres = [right + drop, left + drop]
    rims = [np.asarray(c + radius * (ring[:, :1] * along + ring[:, 1:] * down), np.float32) for c in centres]
    arch = down * rng.normal(-0.09, 0.07) * eye_px
    inner = [centres[0] + along * radius * 0.97, centres[1] - along * radius * 0.97]
    rise = -down * rng.uniform(0.0, 0.5) * radius * squash
    rods = [bezier(np.array([inner[0] + rise, inner[0] + rise + arch, inner[1] + rise + arch, inner[1] + rise]))]
    if rng.random() < 0.2:  # a second bar
        bar = rise - down * rng.uniform(0.08, 0.2) * eye_px
        rods.append(np.asarray([inner[0] + bar, inner[1] + bar], np.float32))
    if rng.random() < 0.5:
        rods += [_pad(inner[0], along, down, eye_px, rng), _pad(inner[1], -along, down, eye_px, rng)]
    for centre, side, temple in ((centres[0], -along, face[234]), (centres[1], along, face[454])):
        rods.append(
            np.asarray([centre + side * radius, temple + np.array([0, rng.normal(-0.2, 0.1) * eye_px])], np.float32)
        )
    return _Frame(rims, rods, centres, radius, down)


def _pad(
    inner: NDArray[np.float64],
    inward: NDArray[np.float64],
    down: NDArray[np.float64],
    eye_px: float,
    rng: np.random.Generator,
) -> _Points:
    """Return the hook that holds one nose pad."""
    tip = inner + inward * rng.uniform(0.04, 0.1) * eye_px + down * rng.uniform(0.06, 0.2) * eye_px
    return bezier(np.array([inner, inner + inward * 0.06 * eye_px, tip - down * 0.05 * eye_px, tip]), 8)


def _lenses(image: _Image, frame: _Frame, rng: np.random.Generator) -> _Image:
    lens: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(lens, [np.rint(rim).astype(np.int32) for rim in frame.rims], (255,))
    inside = lens.astype(np.float32) / 255
    if rng.random() < 0.4:
        image = mix(image, inside * rng.uniform(0.03, 0.35), rng.uniform(40, 255, 3))
    if rng.random() < 0.4:
        image = _reflections(image, inside, frame, rng)
    return image


def _below(image: _Image, frame: _Frame) -> NDArray[np.float32]:
    """Return each pixel's signed distance below the line through both lens centres."""
    rows, columns = np.indices(image.shape[:2], dtype=np.float32)
    first = frame.centres[0]
    return np.asarray((columns - first[0]) * frame.down[0] + (rows - first[1]) * frame.down[1], np.float32)


def _reflections(image: _Image, inside: NDArray[np.float32], frame: _Frame, rng: np.random.Generator) -> _Image:
    layer = np.zeros(image.shape[:2], np.float32)
    radius = frame.radius_px
    for centre in frame.centres:
        if rng.random() < 0.7:
            a = centre + rng.normal(0, 0.5 * radius, 2)
            b = a + rng.normal(0, 0.9 * radius, 2)
            stroke = np.asarray([a, b], np.float32)
            layer = np.maximum(layer, draw_strokes(image, [stroke], rng.uniform(0.03, 0.5) * radius))
    soft = cv2.GaussianBlur(layer, (0, 0), max(0.04 * radius, 0.4)) * inside * rng.uniform(0.1, 0.6)
    return mix(image, soft, np.array([250.0, 250.0, 255.0]))


def _glints(image: _Image, frame: _Frame, width_px: float, rod_px: float, rng: np.random.Generator) -> _Image:
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
