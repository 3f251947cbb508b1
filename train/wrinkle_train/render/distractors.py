"""What is no wrinkle and looks like one: hair, stubble, spectacles, moles, pores. Rendered without a label.

All sizes are fractions of the face's inter-ocular distance, so the same settings hold at any canvas scale.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import inter_ocular_px
from wrinkle_core.face_mask import LEFT_EYE, LIPS_OUTER, RIGHT_EYE

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
    if rng.random() < 0.40 * share:
        image, frame = _spectacles(image, landmarks_xy, eye_px, rng)
        covered = np.maximum(covered, frame)
    if rng.random() < 0.30 * share:
        image = _moles(image, landmarks_xy, eye_px, rng)
    if rng.random() < 0.45 * share:
        image = _pores(image, eye_px, rng)
    return image, covered


def _mix(image: _Image, alpha: NDArray[np.float32], colour: NDArray[np.float64]) -> _Image:
    weight = np.clip(alpha, 0, 1)[..., None]
    return np.asarray(image * (1 - weight) + weight * colour.astype(np.float32), np.float32)


def _layer(image: _Image, lines: list[_Points], width_px: float, *, closed: bool = False) -> NDArray[np.float32]:
    """Return anti-aliased lines as (H, W) float32 in [0, 1]; thinner than a pixel means fainter."""
    canvas: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
    fixed = [np.rint(np.clip(line, -2000, 4000) * (1 << _SHIFT)).astype(np.int32) for line in lines]
    cv2.polylines(canvas, fixed, closed, (255,), max(round(width_px), 1), cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) * np.float32(min(width_px, 1.0) / 255)


def _bezier(points: NDArray[np.float64], count: int = 24) -> _Points:
    t = np.linspace(0, 1, count)[:, None]
    a, b, c, d = points
    return np.asarray((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d, np.float32)


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
        _bezier(shape + rng.normal(0, 0.16 * eye_px, 2) + rng.normal(0, 0.06 * eye_px, (4, 2))) for _ in range(count)
    ]
    width_px = float(np.exp(rng.normal(np.log(0.009), 0.45))) * eye_px
    alpha = np.asarray(_layer(image, lines, width_px) * rng.uniform(0.35, 1.0), np.float32)
    shadow = cv2.GaussianBlur(alpha, (0, 0), max(0.012 * eye_px, 0.5))
    return _mix(image * (1 - 0.25 * shadow[..., None]), alpha, colour), alpha


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
    alpha = _layer(image, lines, rng.uniform(0.006, 0.014) * eye_px) * rng.uniform(0.3, 0.95)
    shadow = cv2.GaussianBlur(region, (0, 0), 0.12 * eye_px).astype(np.float32) / 255 * rng.uniform(0, 0.3)
    colour = rng.uniform(10, 70) * np.array([1.0, 0.85, 0.75])
    hidden = np.asarray(_HIDING * cv2.GaussianBlur(alpha, (0, 0), 0.03 * eye_px), np.float32)
    return _mix(_mix(image, shadow, colour), alpha, colour), hidden


def _spectacles(
    image: _Image, face: _Points, eye_px: float, rng: np.random.Generator
) -> tuple[_Image, NDArray[np.float32]]:
    """Rims, bridge and temples, thick plastic or thin wire, with tint, rim shadow and reflections."""
    radius = rng.uniform(0.34, 0.52) * eye_px
    squash, power = rng.uniform(0.7, 1.0), rng.uniform(1.0, 2.2)
    along = (face[list(LEFT_EYE)].mean(axis=0) - face[list(RIGHT_EYE)].mean(axis=0)) / eye_px
    across = np.array([-along[1], along[0]])
    t = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.column_stack(
        [
            np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (1 / power),
            squash * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (1 / power),
        ]
    )
    drop = across * rng.uniform(0.0, 0.2) * eye_px
    centres = [face[list(eye)].mean(axis=0) + drop for eye in (RIGHT_EYE, LEFT_EYE)]
    rims = [np.asarray(c + radius * (ring[:, :1] * along + ring[:, 1:] * across), np.float32) for c in centres]
    bridge = _bezier(np.array([
        centres[0] + along * radius, centres[0] + along * radius - across * 0.08 * eye_px,
        centres[1] - along * radius - across * 0.08 * eye_px, centres[1] - along * radius,
    ]))  # fmt: skip
    temples = [
        np.asarray([centres[0] - along * radius, face[234] + [0, rng.normal(-0.2, 0.1) * eye_px]], np.float32),
        np.asarray([centres[1] + along * radius, face[454] + [0, rng.normal(-0.2, 0.1) * eye_px]], np.float32),
    ]
    width_px = float(np.exp(rng.uniform(np.log(0.010), np.log(0.10)))) * eye_px
    colour = rng.uniform(5, 80) * rng.uniform(0.6, 1.0, 3)
    if rng.random() < 0.4:
        colour = rng.uniform(110, 235) * rng.uniform(0.8, 1.0, 3)
    lens: NDArray[np.uint8] = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(lens, [np.rint(rim).astype(np.int32) for rim in rims], (255,))
    inside = lens.astype(np.float32) / 255
    if rng.random() < 0.4:
        image = _mix(image, inside * rng.uniform(0.03, 0.35), rng.uniform(40, 255, 3))
    if rng.random() < 0.4:
        image = _reflection(image, inside, centres, radius, rng)
    frame = np.maximum(_layer(image, rims, width_px, closed=True), _layer(image, [bridge, *temples], width_px))
    if rng.random() < 0.25:  # half rims: the upper half only
        frame *= np.float32(0.1) + np.float32(0.9) * (_below(image, centres, across) < 0)
    shift = rng.uniform(0.02, 0.1) * eye_px
    shadow = cv2.warpAffine(frame, np.array([[1, 0, rng.normal(0, 0.3) * shift], [0, 1, shift]]), frame.shape[::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), rng.uniform(0.01, 0.04) * eye_px + 0.3) * rng.uniform(0.0, 0.55)
    image = np.asarray(image * (1 - shadow[..., None]), np.float32)
    covered = np.asarray(frame * rng.uniform(0.6, 1.0), np.float32)
    image = _mix(image, covered, colour)
    if rng.random() < 0.5:  # light along the rim
        glint = _layer(image, [rim - across.astype(np.float32) * np.float32(0.3 * width_px) for rim in rims],
                       max(0.25 * width_px, 0.4), closed=True)  # fmt: skip
        image = _mix(image, glint * rng.uniform(0.1, 0.6), np.array([255.0, 255.0, 255.0]))
    return image, covered


def _below(image: _Image, centres: list[NDArray[np.float32]], across: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return each pixel's signed distance below the line through both lens centres."""
    rows, columns = np.indices(image.shape[:2], dtype=np.float32)
    return np.asarray((columns - centres[0][0]) * across[0] + (rows - centres[0][1]) * across[1], np.float32)


def _reflection(
    image: _Image,
    inside: NDArray[np.float32],
    centres: list[NDArray[np.float32]],
    radius: float,
    rng: np.random.Generator,
) -> _Image:
    layer = np.zeros(image.shape[:2], np.float32)
    for centre in centres:
        if rng.random() < 0.7:
            a = centre + rng.normal(0, 0.5 * radius, 2)
            b = a + rng.normal(0, 0.9 * radius, 2)
            layer = np.maximum(layer, _layer(image, [np.asarray([a, b], np.float32)], rng.uniform(0.03, 0.5) * radius))
    soft = cv2.GaussianBlur(layer, (0, 0), max(0.04 * radius, 0.4)) * inside * rng.uniform(0.1, 0.6)
    return _mix(image, soft, np.array([250.0, 250.0, 255.0]))


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
    return _mix(image, alpha * rng.uniform(0.2, 0.8), np.array([90.0, 55.0, 40.0]) * rng.uniform(0.5, 1.4))


def _pores(image: _Image, eye_px: float, rng: np.random.Generator) -> _Image:
    """Grain of the skin: dark dots of pore size and soft blotches."""
    size = image.shape[:2]
    fine = rng.standard_normal(size, np.float32)
    sigma_px = max(rng.uniform(0.004, 0.014) * eye_px, 0.4)
    soft = np.asarray(cv2.GaussianBlur(fine, (0, 0), sigma_px), np.float32)
    soft /= max(float(soft.std()), 1e-6)
    grain = np.minimum(soft, 0) if rng.random() < 0.6 else soft
    return np.asarray(image * (1 + np.float32(rng.uniform(0.01, 0.07)) * grain[..., None]), np.float32)
