"""The photographs a gate or a calibration looks at, prepared once by the service's own preprocess."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import MaskRule, SegmenterContract, segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import InvalidParameterError, NoFaceError
from wrinkle_core.geometry import Geometry
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_export.artifacts.manifest import digest_of
from wrinkle_train.recipe import Recipe

__all__ = ["MAX_PICTURES", "Picture", "Pictures", "packaged_photos", "pictures_of", "read_pictures", "spec_of"]

MAX_PICTURES: Final = 200
_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_LABEL: Final = "_gt.png"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One photograph as a network sees it.

    Attributes:
        name: File name without folder and suffix.
        encoded: The photograph's bytes.
        network_input: (1, C, S, S) uint8.
        geometry: How to get back to the photograph.
        truth: (H, W) uint8 {0, 1} in the photograph's pixels; None without a label.
    """

    name: str
    encoded: bytes
    network_input: NDArray[np.uint8]
    geometry: Geometry
    truth: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """What was found.

    Attributes:
        used: At least one.
        without_face: Names of photographs in which no face was found.
        data_sha256: Of the photographs and labels used.
    """

    used: tuple[Picture, ...]
    without_face: tuple[str, ...]
    data_sha256: str


def spec_of(recipe: Recipe) -> SegmenterContract:
    """Return what preprocess needs to know of a network, served or not."""
    served = segmenter(recipe.segmenter)
    rgb = ("R", "G", "B")
    return replace(
        served,
        input_px=recipe.input_px,
        channels=rgb if recipe.network.in_channels == 3 else (*rgb, "texture"),
        mask_rule=served.mask_rule if recipe.mask_rule == "none" else MaskRule(recipe.mask_rule),
    )


def packaged_photos() -> dict[str, bytes]:
    """Return the two photographs that come with PyPI packages: Grace Hopper and Eileen Collins, both public domain."""
    import skimage.data
    from matplotlib.cbook import get_sample_data

    astronaut = np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    _, png = cv2.imencode(".png", cv2.cvtColor(astronaut, cv2.COLOR_RGB2BGR))
    return {
        "grace_hopper": Path(get_sample_data("grace_hopper.jpg", asfileobj=False)).read_bytes(),
        "astronaut": png.tobytes(),
    }


def read_pictures(
    photos: Path, labels: Path | None, spec: SegmenterContract, landmarker: FaceLandmarker, limit: int
) -> Pictures:
    """Prepare the photographs of a folder in the order of their names.

    Args:
        photos: Folder of photographs; files that end ``_gt.png`` are labels.
        labels: Folder with ``NAME_gt.png`` for ``NAME.jpg``, white is wrinkle; None looks beside the photographs. Where
            any photograph has a label, those without are left out.
        spec: The network.
        landmarker: Finds the faces.
        limit: Largest number of photographs to use.

    Raises:
        InvalidImageError: A photograph cannot be read.
        InvalidParameterError: There are no photographs or no faces, a label has another size, or the limit is not
            between 1 and ``MAX_PICTURES``.
    """
    files = sorted(path for path in _listed(photos) if not path.name.endswith(_LABEL))
    label_of = {path: (labels or photos) / f"{path.stem}{_LABEL}" for path in files}
    labelled = [path for path in files if label_of[path].is_file()]
    if labels is not None and not labelled:
        raise InvalidParameterError(f"{labels.name} holds no NAME{_LABEL} for a photograph of {photos.name}.")
    chosen = labelled or files
    if not chosen:
        raise InvalidParameterError(f"{photos.name} holds no photograph ({', '.join(sorted(_SUFFIXES))}).")
    return pictures_of(
        ((path.stem, path.read_bytes(), label_of[path].read_bytes() if labelled else None) for path in chosen),
        spec,
        landmarker,
        limit,
    )


def pictures_of(
    photos: Iterable[tuple[str, bytes, bytes | None]], spec: SegmenterContract, landmarker: FaceLandmarker, limit: int
) -> Pictures:
    """Prepare photographs given as name, encoded photograph and encoded label; see ``read_pictures``."""
    if not 1 <= limit <= MAX_PICTURES:
        raise InvalidParameterError(f"At most {MAX_PICTURES} pictures are compared, and at least 1; got {limit}.")
    used: list[Picture] = []
    without_face: list[str] = []
    sums: list[str] = []
    for name, encoded, label in photos:
        if len(used) == limit:
            break
        photo_rgb = decode_image(encoded)
        try:
            prepared = prepare(photo_rgb, spec, landmarker)
        except NoFaceError:
            without_face.append(name)
            continue
        truth = None if label is None else _truth(label, photo_rgb.shape, name)
        used.append(Picture(name, encoded, prepared.network_input, prepared.geometry, truth))
        sums.extend(hashlib.sha256(content).hexdigest() for content in (encoded, label or b""))
    if not used:
        raise InvalidParameterError(f"No face was found in any of the {len(without_face)} photographs.")
    return Pictures(tuple(used), tuple(without_face), digest_of(pictures=sums))


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidParameterError(f"{folder.name} is no folder of photographs.")
    return [path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in _SUFFIXES]


def _truth(label: bytes, shape: tuple[int, ...], name: str) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(label, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None or image.shape != shape[:2]:
        raise InvalidParameterError(
            f"{name}{_LABEL} must be a PNG of {shape[1]} x {shape[0]} pixels, as its photograph is."
        )
    return (np.asarray(image) > 127).astype(np.uint8)
