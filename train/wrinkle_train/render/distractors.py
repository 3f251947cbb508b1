"""What is no wrinkle and looks like one: hair, stubble, spectacles, moles, pores, cloth. Rendered without a label.

All sizes are fractions of the face's inter-ocular distance, so the same settings hold at any canvas scale.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import inter_ocular_px
from wrinkle_core.face_mask import LIPS_OUTER
from wrinkle_train.render.occluders import add_occluder
from wrinkle_train.render.spectacles import add_spectacles
from wrinkle_train.render.strokes import bezier, draw_strokes, mix

__all__ = ["add_distractors"]

_Image = NDArray[np.float32]
_Points = NDArray[np.float32]
_SHIFT: Final = 4
_HIDING: Final = 2.5  # 0.16 of the skin under stubble counts as hidden
_BEARD: Final = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 435, 410, 391, 164, 165, 186, 215)


def add_distractors(
    image: _Image, landmarks_xy: _Points, rng: np.random.Generator, share: float
) -> tuple[_Image, NDArray[np.float32]]:
    """Return ``image`` with random distractors, and how far they cover each pixel, (H, W) float32 in [0, 1].

    Args:
        image: (H, W, 3) float32 RGB in [0, 255].
        landmarks_xy: (468, 2) canvas pixels.
        rng: Decides everything.
        share: Scales how often each kind appears, [0, 1].
    """
    eye_px = inter_ocular_px(landmarks_xy)
    covered = np.zeros(image.shape[:2], np.float32)
    if rng.random() < 0.35 * share:
        image, hair = _strands(image, landmarks_xy, eye_px, rng)
        covered = np.maximum(covered, hair)
    if rng.random() < 0.30 * share:
        image, beard = _stubble(image, landmarks_xy, eye_px, rng)
        covered = np.maximum(covered, beard)
    if rng.random() < 0.45 * share:
        image, frame = add_spectacles(image, landmarks_xy, eye_px, rng)
        covered = np.maximum(covered, frame)
    if rng.random() < 0.30 * share:
        image = _moles(image, landmarks_xy, eye_px, rng)
    if rng.random() < 0.45 * share:
        image = _pores(image, eye_px, rng)
    if rng.random() < 0.30 * share:
        image, cloth = add_occluder(image, landmarks_xy, eye_px, rng)
        covered = np.maximum(covered, cloth)
    return image, covered


def _strands(
    image: _Image, face: _Points, eye_px: float, rng: np.random.Generator
) -> tuple[_Image, NDArray[np.float32]]:
    """Hair that falls over the forehead or the cheeks: long, even in width, crossing the face's edge."""
    colour = rng.uniform(8, 90) * np.array([1.0, rng.uniform(0.7, 0.95), rng.uniform(0.45, 0.9)])
    if rng.random() < 0.25:
        colour = rng.uniform(150, 240) * np.array([1.0, rng.uniform(0.8, 1.0), rng.uniform(0.55, 1.0)])
    edge = face[[10, 338, 297, 332, 284, 251, 389, 21, 54, 103, 67, 109, 162, 127, 234, 454, 93, 323]].astype(
        np.float64
    )
    root = edge[rng.integers(len(edge))] + rng.normal(0, 0.15 * eye_px, 2)
    root[1] -= 0.2 * eye_px
    lean = np.array([rng.normal(0, 0.5), rng.uniform(0.3, 1.0)])
    length = rng.uniform(0.8, 3.2) * eye_px
    shape = np.array([root, root + lean * length * 0.35, root + lean * length * 0.7, root + lean * length])
    shape[1:3] += rng.normal(0, 0.2 * eye_px, (2, 2))
    count = int(rng.integers(1, 14))
    lines = [
        bezier(shape + rng.normal(0, 0.16 * eye_px, 2) + rng.normal(0, 0.06 * eye_px, (4, 2))) for _ in range(count)
    ]
    width_px = float(np.exp(rng.normal(np.log(0.009), 0.45))) * eye_px
    alpha = np.asarray(draw_strokes(image, lines, width_px) * rng.uniform(0.35, 1.0), np.float32)
    shadow = cv2.GaussianBlur(alpha, (0, 0), max(0.012 * eye_px, 0.5))
    return mix(image * (1 - 0.25 * shadow[..., None]), alpha, colour), alpha


def _stubble(
    image: _Image, face: _Points, eye_px: float, rng: np.random.Generator
) -> tuple[_Image, NDArray[np.float32]]:
    """Short dark strokes over chin, jaw and upper lip, from a few days' growth to a full beard."""
    region: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
    jaw = cv2.convexHull(face[list(_BEARD)])
    cv2.fillPoly(region, [np.rint(jaw).astype(np.int32)], (255,))
    cv2.fillPoly(region, [np.rint(face[list(LIPS_OUTER)]).astype(np.int32)], (0,))
    rows, columns = np.nonzero(region)
    if len(rows) < 50:
        return image, np.zeros(image.shape[:2], np.float32)
    density = float(np.exp(rng.uniform(np.log(60), np.log(900))))
    count = min(int(len(rows) / eye_px**2 * density), 2500)
    if count < 5:
        return image, np.zeros(image.shape[:2], np.float32)
    picks = rng.integers(0, len(rows), count)
    start = np.column_stack([columns[picks], rows[picks]]) + rng.random((count, 2))
    angle = rng.normal(np.pi / 2 + rng.normal(0, 0.4), 0.5, count)
    reach = np.exp(rng.normal(np.log(rng.uniform(0.015, 0.09)), 0.3, count)) * eye_px
    stop = start + np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None]
    lines = [np.asarray(pair, np.float32) for pair in np.stack([start, stop], axis=1)]
    alpha = draw_strokes(image, lines, rng.uniform(0.006, 0.014) * eye_px) * rng.uniform(0.3, 0.95)
    shadow = cv2.GaussianBlur(region, (0, 0), 0.12 * eye_px).astype(np.float32) / 255 * rng.uniform(0, 0.3)
    colour = rng.uniform(10, 70) * np.array([1.0, 0.85, 0.75])
    hidden = np.asarray(_HIDING * cv2.GaussianBlur(alpha, (0, 0), 0.03 * eye_px), np.float32)
    return mix(mix(image, shadow, colour), alpha, colour), hidden


def _moles(image: _Image, face: _Points, eye_px: float, rng: np.random.Generator) -> _Image:
    low, high = face.min(axis=0), face.max(axis=0)
    layer: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
    for _ in range(rng.integers(1, 30)):
        centre = rng.uniform(low, high)
        axes = np.exp(rng.normal(np.log(0.015), 0.5)) * eye_px * rng.uniform(0.7, 1.3, 2)
        fixed = [round(float(v) * 16) for v in (*centre, *axes)]
        level = int(rng.integers(60, 255))
        reach = (max(fixed[2], 8), max(fixed[3], 8))
        cv2.ellipse(layer, fixed[:2], reach, rng.uniform(0, 180), 0, 360, (level,), -1, cv2.LINE_AA, _SHIFT)
    alpha = cv2.GaussianBlur(layer, (0, 0), max(0.005 * eye_px, 0.4)).astype(np.float32) / 255
    return mix(image, alpha * rng.uniform(0.2, 0.8), np.array([90.0, 55.0, 40.0]) * rng.uniform(0.5, 1.4))


def _pores(image: _Image, eye_px: float, rng: np.random.Generator) -> _Image:
    """Grain of the skin: dark dots of pore size and soft blotches."""
    size = image.shape[:2]
    fine = rng.standard_normal(size, np.float32)
    sigma_px = max(rng.uniform(0.004, 0.014) * eye_px, 0.4)
    soft = np.asarray(cv2.GaussianBlur(fine, (0, 0), sigma_px), np.float32)
    soft /= max(float(soft.std()), 1e-6)
    grain = np.minimum(soft, 0) if rng.random() < 0.6 else soft
    return np.asarray(image * (1 + np.float32(rng.uniform(0.01, 0.07)) * grain[..., None]), np.float32)
