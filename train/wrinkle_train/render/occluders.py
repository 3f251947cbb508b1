"""What lies over the edge of a face: hats, headbands, scarves, hair, hands. Rendered without a label.

An occluder is everything beyond a wavy boundary that comes in from outside the face, filled with a pattern of its own.
Stripes, seams, knitting and strands of hair are the lines that a wrinkle network must learn to leave alone.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["add_occluder"]

_Image = NDArray[np.float32]
_Field = NDArray[np.float32]
_FROM_ABOVE: Final = 0.65
_KNOTS: Final = 64


def add_occluder(
    image: _Image, landmarks_xy: NDArray[np.float32], eye_px: float, rng: np.random.Generator
) -> tuple[_Image, _Field]:
    """Return ``image`` partly covered from one side, and the cover's opacity, (H, W) float32 in [0, 1].

    Args:
        image: (H, W, 3) float32 RGB in [0, 255].
        landmarks_xy: (468, 2) canvas pixels.
        eye_px: Inter-ocular distance in canvas pixels.
        rng: Decides everything.
    """
    centre = landmarks_xy.mean(axis=0)
    angle = rng.normal(-np.pi / 2, 0.45) if rng.random() < _FROM_ABOVE else rng.uniform(-np.pi, np.pi)
    outward = np.array([np.cos(angle), np.sin(angle)], np.float32)
    sideways = np.array([-outward[1], outward[0]], np.float32)
    reach = float(((landmarks_xy - centre) @ outward).max())
    rows, columns = np.indices(image.shape[:2], dtype=np.float32)
    columns, rows = columns - centre[0], rows - centre[1]
    out = columns * outward[0] + rows * outward[1]
    along = (columns * sideways[0] + rows * sideways[1]) / np.float32(eye_px)
    boundary = np.float32(reach * rng.uniform(0.45, 1.0)) + np.float32(eye_px) * _edge(along, rng)
    beyond = out - boundary
    if rng.random() < 0.25:  # a band: skin shows again behind it
        beyond = np.minimum(beyond, np.float32(rng.uniform(0.1, 0.7) * eye_px) - beyond)
    soft_px = max(rng.uniform(0.0, 0.03) * eye_px, 0.7)
    opacity = np.clip(beyond / np.float32(soft_px) + np.float32(0.5), 0, 1)
    fabric = _fabric(out / np.float32(eye_px), along, rng)
    shadow = cv2.GaussianBlur(opacity, (0, 0), rng.uniform(0.02, 0.15) * eye_px) * np.float32(rng.uniform(0, 0.5))
    shaded = image * (1 - shadow[..., None])
    covered = opacity[..., None]
    return np.asarray(shaded * (1 - covered) + covered * fabric, np.float32), np.asarray(opacity, np.float32)


def _edge(along: _Field, rng: np.random.Generator) -> _Field:
    """Return the boundary's distance, in inter-ocular distances, over the position along it."""
    bend = np.float32(rng.normal(0, 0.12))
    edge = bend * along * along
    for _ in range(rng.integers(0, 4)):
        height, waves, phase = rng.normal(0, 0.06), rng.uniform(0.5, 5.0), rng.uniform(0, 2 * np.pi)
        edge = edge + np.float32(height) * np.cos(np.float32(waves) * along + np.float32(phase))
    return np.asarray(edge, np.float32)


def _fabric(out: _Field, along: _Field, rng: np.random.Generator) -> _Image:
    """Return an (H, W, 3) float32 pattern: plain, striped, knitted, or strands."""
    colour = _colour(rng)
    turn = rng.uniform(-np.pi, np.pi) if rng.random() < 0.5 else rng.normal(0, 0.15)
    across = np.float32(np.cos(turn)) * out + np.float32(np.sin(turn)) * along
    lengthwise = np.float32(np.cos(turn)) * along - np.float32(np.sin(turn)) * out
    across = across + np.float32(rng.normal(0, 0.05)) * np.sin(np.float32(rng.uniform(0.5, 6)) * lengthwise)
    kind = rng.integers(4)
    if kind == 0:
        light = np.ones_like(out)
    elif kind == 1:
        light = _stripes(across, rng)
    elif kind == 2:
        light = 1 + (_stripes(across, rng) - 1) * np.cos(lengthwise * np.float32(rng.uniform(5, 60)))
    else:
        light = _strands(across, rng)
    folds = 1 + np.float32(rng.uniform(0, 0.3)) * _random_curve(lengthwise * np.float32(rng.uniform(1, 8)), rng)
    light = np.clip(light * folds, 0.05, 2.5)[..., None]
    if kind == 1 and rng.random() < 0.5:  # two colours
        mix = np.clip(light, 0, 1)
        return np.asarray(mix * colour + (1 - mix) * _colour(rng), np.float32)
    return np.asarray(np.clip(light * colour, 0, 255), np.float32)


def _colour(rng: np.random.Generator) -> NDArray[np.float32]:
    if rng.random() < 0.35:  # skin and hair colours
        return np.asarray(
            rng.uniform(20, 235) * np.array([1.0, rng.uniform(0.65, 0.9), rng.uniform(0.45, 0.8)]), np.float32
        )
    grey = rng.uniform(10, 245)
    return np.asarray(np.clip(grey + rng.normal(0, 45, 3), 3, 252), np.float32)


def _stripes(across: _Field, rng: np.random.Generator) -> _Field:
    waves = np.float32(2 * np.pi / np.exp(rng.uniform(np.log(0.03), np.log(0.4))))
    sharp = np.float32(rng.uniform(1, 6))
    wave = np.tanh(sharp * (np.sin(across * waves) + np.float32(rng.uniform(-0.8, 0.8))))
    return np.asarray(1 - np.float32(rng.uniform(0.1, 0.9)) * (wave + 1) / 2, np.float32)


def _strands(across: _Field, rng: np.random.Generator) -> _Field:
    fine = _random_curve(across * np.float32(rng.uniform(15, 60)), rng)
    coarse = _random_curve(across * np.float32(rng.uniform(2, 8)), rng)
    return np.asarray(
        1 + np.float32(rng.uniform(0.1, 0.5)) * fine + np.float32(rng.uniform(0, 0.4)) * coarse, np.float32
    )


def _random_curve(position: _Field, rng: np.random.Generator) -> _Field:
    """Return a smooth random function of one coordinate; its knots are 1 apart and repeat."""
    knots = rng.uniform(-1, 1, _KNOTS).astype(np.float32)
    low = np.floor(position)
    part = position - low
    part = part * part * (3 - 2 * part)
    first = low.astype(np.int32) % _KNOTS
    return np.asarray(knots[first] * (1 - part) + knots[(first + 1) % _KNOTS] * part, np.float32)
