"""Rendered photographs to choose thresholds on: validation faces with validation drawings, the same on every machine.

They come from this project's own renderer and are therefore easy; accuracy is reported on the separate evaluation set
only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment
from wrinkle_train.recipe import RenderRecipe
from wrinkle_train.render.faces import Library
from wrinkle_train.render.lines import FRAME_PX
from wrinkle_train.render.scene import Canvas, render_scene

__all__ = ["RenderedPhoto", "validation_photos"]

_SEED: Final = 74_031
_JPEG_QUALITY: Final = 92


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPhoto:
    """One rendered photograph.

    Attributes:
        name: Face and number.
        jpeg: The encoded picture.
        truth: (H, W) uint8 {0, 1}.
    """

    name: str
    jpeg: bytes
    truth: NDArray[np.uint8]


def validation_photos(library: Library, count: int = 24) -> tuple[RenderedPhoto, ...]:
    """Render ``count`` whole photographs of ``library``, which should be the ``val`` split."""
    recipe = RenderRecipe(median_depth=0.22, procedural_share=0.15, plain_share=0.0, distractor_share=0.3)
    photos = []
    for number in range(count):
        rng = np.random.default_rng((_SEED, number))
        face = library.faces[number % len(library.faces)]
        height, width = face.rgb.shape[:2]
        scale = float(np.sqrt(np.linalg.det(ffhq_alignment(face.landmarks_xy, FRAME_PX)[:, :2])))
        canvas = Canvas(np.eye(2, 3), height, width, 1 / scale)
        scene = render_scene(library, face, canvas, recipe, rng)
        _, code = cv2.imencode(".jpg", scene.image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        photos.append(RenderedPhoto(f"{face.name}-{number:02d}", code.tobytes(), scene.wrinkle))
    return tuple(photos)
