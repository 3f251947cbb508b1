"""A small library of faces and drawings from pictures that ship in PyPI packages: no data folder needed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, transform_points
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.data.rendered_set import RenderedSetPlan, make_rendered_set
from wrinkle_train.recipe import NetworkRecipe, Recipe, TrainRecipe
from wrinkle_train.render.faces import Library, face_photo
from wrinkle_train.render.lines import FRAME_PX, trace_lines
from wrinkle_train.render.template import FaceTemplate


@pytest.fixture(scope="session")
def drawn_mask() -> NDArray[np.uint8]:
    """Return a drawing in the FFHQ frame: two forehead lines and one fold a side, (1024, 1024) in {0, 255}."""
    mask = np.zeros((FRAME_PX, FRAME_PX), np.uint8)
    cv2.line(mask, (400, 330), (620, 330), (255,), 3)
    cv2.line(mask, (380, 370), (640, 375), (255,), 3)
    cv2.line(mask, (400, 600), (350, 720), (255,), 3)
    cv2.line(mask, (624, 600), (674, 720), (255,), 3)
    return mask


@pytest.fixture(scope="session")
def library(
    astronaut_rgb: NDArray[np.uint8], face_landmarker: FaceLandmarker, drawn_mask: NDArray[np.uint8]
) -> Library:
    """Return one face with one drawing; the template is that face itself, aligned."""
    landmarks_xy = np.ascontiguousarray(face_landmarker.find(astronaut_rgb).landmarks_xyz[:, :2])
    aligned = transform_points(landmarks_xy, ffhq_alignment(landmarks_xy, FRAME_PX))
    template = FaceTemplate(aligned.astype(np.float64))
    face = face_photo("astronaut", astronaut_rgb, landmarks_xy, template)
    return Library((face,), (trace_lines(drawn_mask),), template)


@pytest.fixture(scope="session")
def small_set(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a rendered set of the library's face: 4 pictures to train on, 1 to choose with, 2 to test on."""
    folder = tmp_path_factory.mktemp("set")
    make_rendered_set(library, library, "0" * 64, RenderedSetPlan(train=4, val=1, test=2, side_px=256), folder)
    return folder


@pytest.fixture
def tiny_recipe() -> Recipe:
    """Return a run of a few seconds."""
    return Recipe(
        segmenter="unetpp",
        network=NetworkRecipe(name="unet", in_channels=3, width=4),
        train=TrainRecipe(
            steps=40, batch_size=2, crop_px=96, workers=0, warm_up_steps=2, learning_rate=5e-3, ema_decay=0.8
        ),
    )
