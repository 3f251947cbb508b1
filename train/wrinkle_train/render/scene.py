"""One rendered sample: a face, wrinkles on it, distractors, a camera; with exact ground truth.

The canvas is any similarity transform of the photograph, so a training crop in the aligned frame and a whole
photograph in its own pixels come from the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import transform_points
from wrinkle_train.recipe import RenderRecipe
from wrinkle_train.render.anatomy import anatomical_lines, nasolabial_folds
from wrinkle_train.render.camera import photograph
from wrinkle_train.render.distractors import add_distractors
from wrinkle_train.render.faces import FacePhoto, Library
from wrinkle_train.render.lines import FRAME_PX, WrinkleLine
from wrinkle_train.render.relief import Light, PlacedLine, draw_relief, shade
from wrinkle_train.render.template import FaceTemplate

__all__ = ["LABEL_FRAME_PX", "Canvas", "Scene", "render_scene"]

_PROFILES: Final = 3
LABEL_FRAME_PX: Final = 3.0  # the hand-drawn lines' width in the 1024 px FFHQ frame
_OPAQUE: Final = 0.4
_FINEST_PHOTO_PX: Final = 0.4  # deviation of the thinnest line a photograph resolves
_ENLARGED: Final = 1.15
_BURNT_OUT, _BLACK = 250, 8
_RAKING_SHARE: Final = 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Where the picture is rendered.

    Attributes:
        photo_to_canvas: (2, 3) float64 similarity.
        height_px: Canvas height.
        width_px: Canvas width.
        frame_scale: Canvas pixels per pixel of the 1024 px FFHQ frame.
    """

    photo_to_canvas: NDArray[np.float64]
    height_px: int
    width_px: int
    frame_scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One rendered picture.

    Attributes:
        image_rgb: (H, W, 3) uint8, unmasked.
        wrinkle: (H, W) uint8 {0, 1}.
        ignored: (H, W) uint8 {0, 1}: rendered lines too faint to see, or in burnt-out or black skin.
        landmarks_xy: (468, 2) float32 canvas pixels.
    """

    image_rgb: NDArray[np.uint8]
    wrinkle: NDArray[np.uint8]
    ignored: NDArray[np.uint8]
    landmarks_xy: NDArray[np.float32]


def render_scene(
    library: Library, face: FacePhoto, canvas: Canvas, recipe: RenderRecipe, rng: np.random.Generator
) -> Scene:
    """Render one sample.

    Args:
        library: Gives wrinkle drawings and the template.
        face: The photograph.
        canvas: Where to render.
        recipe: Sizes and shares.
        rng: Decides everything else.
    """
    size = (canvas.width_px, canvas.height_px)
    landmarks_xy = transform_points(face.landmarks_xy, canvas.photo_to_canvas)
    image = _warp(face.rgb, canvas.photo_to_canvas, size)
    if rng.random() < 0.5:
        smooth = _warp(face.smooth_rgb, canvas.photo_to_canvas, size)
        image += np.float32(rng.uniform(0, 0.85)) * (smooth - image)
    skin = cv2.warpAffine(face.skin * np.uint8(255), canvas.photo_to_canvas, size).astype(np.float32) / 255
    soft_skin = np.asarray(cv2.GaussianBlur(skin, (0, 0), max(1.5 * canvas.frame_scale, 0.5)), np.float32)

    drawing = _drawing(library, recipe, rng)
    light = _light(rng)
    typical_px = recipe.median_sigma_px * float(np.exp(rng.normal(0, 0.3))) * canvas.frame_scale
    enlargement = float(np.hypot(canvas.photo_to_canvas[0, 0], canvas.photo_to_canvas[1, 0]))
    profiles = tuple(max(typical_px * factor, _FINEST_PHOTO_PX * enlargement) for factor in (0.6, 0.95, 1.5))
    label_px = max(LABEL_FRAME_PX * canvas.frame_scale, 2 * _FINEST_PHOTO_PX * enlargement)
    lines = _place(drawing, library.template, face, landmarks_xy, canvas, recipe, rng)
    relief = draw_relief(lines, profiles, label_px, (canvas.height_px, canvas.width_px), light, soft_skin)
    image = shade(image, relief, light)
    image, covered = add_distractors(image, landmarks_xy, rng, recipe.distractor_share)
    shown = (covered < _OPAQUE).astype(np.uint8)
    picture = _photographed(image, enlargement, rng)
    lost = relief.wrinkle * _saturated(picture)
    return Scene(picture, relief.wrinkle * shown * (1 - lost), (relief.ignored | lost) * shown, landmarks_xy)


def _saturated(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (H, W) {0, 1}: nothing can be seen in burnt-out or black skin."""
    smooth = cv2.blur(picture, (3, 3))
    lost = (smooth.min(axis=2) > _BURNT_OUT) | (smooth.max(axis=2) < _BLACK)
    return np.asarray(lost, np.uint8)


def _light(rng: np.random.Generator) -> Light:
    """Return frontal light, which shows wrinkles as dark lines, or raking light, which shows their walls."""
    raking = rng.random() < _RAKING_SHARE
    return Light(
        angle_rad=rng.uniform(-np.pi, np.pi),
        valley=rng.uniform(0.25, 0.9) if raking else 1.0,
        slope=abs(rng.normal(0, 0.35)),
        raking=rng.uniform(0.3, 1.5) if raking else 0.0,
        lip=rng.uniform(0, 0.45),
        fold=max(rng.normal(0.1, 0.3), 0.0),
        redness=rng.uniform(0.05, 0.4),
    )


def _photographed(image: NDArray[np.float32], enlargement: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Send the scene through the camera at the photograph's own resolution when the canvas is an enlargement."""
    if enlargement < _ENLARGED:
        return photograph(image, rng)
    height, width = image.shape[:2]
    small = cv2.resize(image, (round(width / enlargement), round(height / enlargement)), interpolation=cv2.INTER_AREA)
    picture = photograph(np.asarray(small, np.float32), rng)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _warp(photo: NDArray[np.uint8], matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.6:
        photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), 0.4 / scale), np.uint8)
    return np.asarray(cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_LINEAR), np.float32)


def _drawing(library: Library, recipe: RenderRecipe, rng: np.random.Generator) -> tuple[WrinkleLine, ...]:
    """Return wrinkle lines in the template's frame: hand-drawn, invented, or none."""
    if rng.random() < recipe.plain_share:
        return ()
    invented = rng.random() < recipe.procedural_share
    lines: tuple[WrinkleLine, ...] = ()
    if not invented or rng.random() < 0.3:
        lines = library.drawings[rng.integers(len(library.drawings))]
    if invented:
        lines = _joined(lines, anatomical_lines(library.template.points_xy, rng))
    elif rng.random() < recipe.extra_folds_share:
        lines = _joined(lines, nasolabial_folds(library.template.points_xy, rng))
    mirror = rng.random() < 0.5
    centre = np.float32(FRAME_PX / 2)
    stretch = np.float32(rng.normal(1, 0.025))
    shift = rng.normal(0, 6, 2).astype(np.float32)
    moved = []
    for line in lines:
        points = line.points_xy.copy()
        if mirror:
            points[:, 0] = FRAME_PX - 1 - points[:, 0]
        moved.append(WrinkleLine((points - centre) * stretch + centre + shift, line.stroke))
    return tuple(moved)


def _joined(lines: tuple[WrinkleLine, ...], more: tuple[WrinkleLine, ...]) -> tuple[WrinkleLine, ...]:
    first = max((line.stroke for line in lines), default=0) + 1
    return (*lines, *(WrinkleLine(line.points_xy, line.stroke + first) for line in more))


def _place(
    drawing: tuple[WrinkleLine, ...],
    template: FaceTemplate,
    face: FacePhoto,
    landmarks_xy: NDArray[np.float32],
    canvas: Canvas,
    recipe: RenderRecipe,
    rng: np.random.Generator,
) -> list[PlacedLine]:
    """Return the drawing's lines on the canvas, each with its depth along the line and its width."""
    if not drawing:
        return []
    joined = np.concatenate([line.points_xy for line in drawing])
    placed = template.place(joined, landmarks_xy, face.visible)
    inside = np.isfinite(placed).all(axis=1)
    face_depth = recipe.median_depth * float(np.exp(rng.normal(0, 0.4)))
    strokes = {line.stroke for line in drawing}
    depth_of = {stroke: face_depth * float(np.exp(rng.normal(0, 0.45))) for stroke in strokes}
    profile_of = {stroke: int(rng.choice(_PROFILES, p=(0.35, 0.45, 0.2))) for stroke in strokes}
    lines, start = [], 0
    for line in drawing:
        stop = start + len(line.points_xy)
        part, kept = placed[start:stop], inside[start:stop]
        start = stop
        depth = depth_of[line.stroke] * _fading(len(part), rng)
        for run in _runs(kept):
            points = part[run]
            if len(points) > 1 and _touches(points, canvas):
                lines.append(PlacedLine(points, np.clip(depth[run], 0, 0.7), profile_of[line.stroke]))
    return lines


def _fading(count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return depth along a line relative to its deepest: soft ends and a slow variation."""
    t = np.linspace(0, 1, count)
    ends = np.minimum(1, np.minimum(t, 1 - t) * rng.uniform(3, 12) + rng.uniform(0.15, 0.6))
    knots = rng.uniform(0.45, 1.0, count // 18 + 3)
    return np.asarray(ends * np.interp(t, np.linspace(0, 1, len(knots)), knots), np.float32)


def _runs(kept: NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _touches(points: NDArray[np.float32], canvas: Canvas) -> bool:
    low, high = points.min(axis=0), points.max(axis=0)
    return bool(high[0] > -8 and high[1] > -8 and low[0] < canvas.width_px + 8 and low[1] < canvas.height_px + 8)
