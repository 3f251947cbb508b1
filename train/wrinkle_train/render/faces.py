"""The face photographs and wrinkle masks of a data folder, by split, with landmarks and skin found once and cached.

Faces with real wrinkles (``age_look`` middle or older) are never trained on: their own lines would count as skin.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ContractError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.render.lines import WrinkleLine, read_mask_lines
from wrinkle_train.render.skin_colour import eye_zone, is_dark, skin_coloured
from wrinkle_train.render.template import FaceTemplate

__all__ = ["FacePhoto", "Library", "face_photo", "read_library", "read_photo"]

Split = Literal["train", "val"]
_LARGEST_MISFIT: Final = 0.05
_USABLE_MESHES: Final = ("good", "turned")
_SUNGLASSES: Final = ("010", "015", "032", "048", "075")  # named by the data's README; their lenses are no skin
_WRINKLED: Final = ("084",)  # listed as young, with plain forehead lines


@dataclass(frozen=True, slots=True, eq=False)
class FacePhoto:
    """One photograph with what rendering needs.

    Attributes:
        name: File name without its ending.
        rgb: (H, W, 3) uint8.
        smooth_rgb: The same with its own fine texture smoothed away.
        landmarks_xy: (468, 2) float32 photo pixels.
        visible: Per template triangle, whether it faces the camera.
        skin: (H, W) uint8 {0, 1}, face mask (nose kept) and skin colour.
    """

    name: str
    rgb: NDArray[np.uint8]
    smooth_rgb: NDArray[np.uint8]
    landmarks_xy: NDArray[np.float32]
    visible: NDArray[np.bool_]
    skin: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Faces, wrinkle drawings and the template that joins them."""

    faces: tuple[FacePhoto, ...]
    drawings: tuple[tuple[WrinkleLine, ...], ...]
    template: FaceTemplate


def read_library(data: Path, split: Split, *, smooth_faces_only: bool = True, limit: int | None = None) -> Library:
    """Read one split of a data folder.

    Args:
        data: Folder with ``faces.csv``, ``wrinkle_masks.csv``, ``ffhq_template.csv`` and what they name.
        split: ``train`` or ``val``.
        smooth_faces_only: Leave out faces that look middle-aged or older.
        limit: Read at most so many faces and masks, for quick tests.

    Raises:
        ContractError: A file is missing.
    """
    for needed in ("faces.csv", "wrinkle_masks.csv", "ffhq_template.csv"):
        if not (data / needed).is_file():
            raise ContractError(f"The data folder has no {needed}; give --data the folder that holds it.")
    template = FaceTemplate.read(data / "ffhq_template.csv")
    rows = [
        row
        for row in _rows(data / "faces.csv")
        if row["split"] == split
        and row["mesh"] in _USABLE_MESHES
        and not (smooth_faces_only and (row["age_look"] != "young" or Path(row["file"]).stem in _WRINKLED))
    ]
    landmarker = FaceLandmarker()
    faces = []
    for row in rows[:limit]:
        rgb = read_photo(data / row["file"])
        landmarks_xy = np.ascontiguousarray(landmarker.find(rgb).landmarks_xyz[:, :2])
        name = Path(row["file"]).stem
        faces.append(face_photo(name, rgb, landmarks_xy, template, sunglasses=name in _SUNGLASSES or None))
    masks = [
        row
        for row in _rows(data / "wrinkle_masks.csv")
        if row["split"] == split and float(row["template_misfit"]) <= _LARGEST_MISFIT
    ]
    drawings = tuple(read_mask_lines(data / row["file"], int(row["h0"]), int(row["w0"])) for row in masks[:limit])
    return Library(tuple(faces), drawings, template)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_photo(path: Path) -> NDArray[np.uint8]:
    """Read an (H, W, 3) uint8 RGB photograph.

    Raises:
        ContractError: The file is missing or no image.
    """
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ContractError(f"{path.name} is missing or no image.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def face_photo(
    name: str,
    rgb: NDArray[np.uint8],
    landmarks_xy: NDArray[np.float32],
    template: FaceTemplate,
    *,
    sunglasses: bool | None = None,
) -> FacePhoto:
    """Return a photograph with what rendering needs.

    Args:
        name: Any name.
        rgb: (H, W, 3) uint8.
        landmarks_xy: (468, 2) photo pixels.
        template: The mean face.
        sunglasses: Whether the zone around the eyes is hidden; None looks at its lightness.
    """
    face = face_mask(landmarks_xy, rgb.shape[0], rgb.shape[1], MaskRule.FACE)
    skin = skin_coloured(rgb, face)
    zone = eye_zone(landmarks_xy, skin.shape)
    if sunglasses or (sunglasses is None and is_dark(rgb, face, skin, zone)):
        skin = np.asarray(skin * (1 - zone), np.uint8)
    return FacePhoto(
        name=name,
        rgb=rgb,
        smooth_rgb=np.asarray(cv2.edgePreservingFilter(rgb, flags=1, sigma_s=12, sigma_r=0.18), np.uint8),
        landmarks_xy=landmarks_xy,
        visible=template.visible_triangles(landmarks_xy),
        skin=skin,
    )
