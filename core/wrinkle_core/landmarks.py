"""Finding the largest face of a photograph and its 468 landmarks.

A cascade of looks, cheapest first; the first look in which the mesh network confirms a face ends it:

1. short-range detector on the whole photograph: MediaPipe's own path;
2. full-range detector on the whole photograph: faces from about 8 % of the longer side;
3. short-range detector on overlapping tiles, a quarter of the longer side each: down to 5 %.

Looks 2 and 3 go beyond MediaPipe's graph and see more that is no face, so they ask for more confidence.

A detection that is small, tilted or not quite sure gets a *closer look*: the short-range detector again, on a square
around it that is turned with it. It sharpens the box of a small or tilted face, and, with the square turned further,
finds which way is up in a sideways or upside-down photograph, where the first detection has the eyes in the wrong place
and the mesh network would confirm a wrong mesh.

Source: MediaPipe 0.10.21, ``face_landmark_front_cpu.pbtxt`` with ``static_image_mode``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.assets import FaceAssets, locate_assets
from wrinkle_core.errors import ContractError, ImageTooLargeError, NoFaceError
from wrinkle_core.face_detection import FULL_RANGE, SHORT_RANGE, Detections, FaceDetector, merge
from wrinkle_core.face_mesh import MeshNetwork, roi_of_detection
from wrinkle_core.square_crop import Square, whole_photo

__all__ = ["FaceLandmarker", "FaceMesh"]

MAX_SIDE_PX: Final = 32_766  # OpenCV's remapping counts in 16 bits
_MAX_MESHES_PER_LOOK: Final = 8
_TILES_PER_SIDE: Final = 4.0  # a tile's side is the longer side / this; tiles overlap by half
_SURE_SCORE: Final = 0.88  # upright faces mostly score higher, upside-down ones hardly ever
_SMALL_SHARE: Final = 0.2  # of the longer side
_TILTED_RAD: Final = math.radians(35)
_CLOSER_SIDE: Final = 2.0  # sides of the mesh's region, which is 1.5 boxes wide
_TURNS_RAD: Final = (0.0, math.pi / 2, math.pi, -math.pi / 2)


@dataclass(frozen=True, slots=True)
class _Confidence:
    """What a look asks for: the detector's score and the mesh network's probability of a face."""

    detection: float
    mesh: float


_AS_MEDIAPIPE: Final = _Confidence(detection=0.5, mesh=0.5)
_BEYOND_MEDIAPIPE: Final = _Confidence(detection=0.6, mesh=0.9)


@dataclass(frozen=True, slots=True, eq=False)
class FaceMesh:
    """The largest face.

    Attributes:
        landmarks_xyz: (468, 3) float32: x, y in photograph pixels, z in the same scale, smaller is nearer.
        score: The mesh network's confidence that this is a face, [0.5, 1].
        faces: Number of faces confirmed in the same look, at most 8; faces too small for that look are not counted.
    """

    landmarks_xyz: NDArray[np.float32]
    score: float
    faces: int

    def enlarged(self, factor: int) -> FaceMesh:
        """Return the same face in a photograph of which each pixel seen so far is a square of ``factor`` pixels."""
        offset = (factor - 1) / 2.0  # from the centre of a square's first pixel to the square's
        landmarks_xyz = (self.landmarks_xyz * factor + (offset, offset, 0.0)).astype(np.float32)
        landmarks_xyz.flags.writeable = False
        return replace(self, landmarks_xyz=landmarks_xyz)


class FaceLandmarker:
    """Finds the largest face; holds one infer request per network, so use one object per thread."""

    def __init__(self, assets: FaceAssets | None = None, *, threads: int = 1) -> None:
        """Compile the networks.

        Args:
            assets: Where the networks are; by default what ``wrinkle assets fetch`` stored.
            threads: Threads one inference may use.

        Raises:
            ArtifactError: A network is missing or damaged.
        """
        found = locate_assets() if assets is None else assets
        self._short_range = FaceDetector(found.short_range, SHORT_RANGE, threads=threads)
        self._full_range = FaceDetector(found.full_range, FULL_RANGE, threads=threads)
        self._mesh = MeshNetwork(found.mesh, threads=threads)

    def find(self, photo_rgb: NDArray[np.uint8]) -> FaceMesh:
        """Return the mesh of the largest face.

        Args:
            photo_rgb: (H, W, 3) uint8 RGB, upright, any size from 1 x 1.

        Raises:
            NoFaceError: No look found a face.
            ImageTooLargeError: A side is longer than ``MAX_SIDE_PX``.
            ContractError: The array is no RGB photograph.
        """
        _require_photo(photo_rgb)
        for detections, confidence in self._looks(photo_rgb):
            mesh = self._largest(photo_rgb, detections, confidence)
            if mesh is not None:
                return mesh
        raise NoFaceError(
            "No face was found. Send a photograph in which one face is seen from the front, not covered, and fills "
            "at least a twentieth of the picture's longer side."
        )

    def find_large(self, reduced_rgb: NDArray[np.uint8], reduction: int) -> FaceMesh | None:
        """Return what the first look finds, which sees every face that fills much of the photograph; None if nothing.

        Args:
            reduced_rgb: (h, w, 3) uint8 RGB, upright.
            reduction: Side of the square of photograph pixels that each of these pixels stands for.

        Returns:
            The mesh, in photograph pixels.
        """
        _require_photo(reduced_rgb)
        mesh = self._largest(reduced_rgb, *next(self._looks(reduced_rgb, reduction)), reduction)
        return None if mesh is None else mesh.enlarged(reduction)

    def _largest(
        self, photo_rgb: NDArray[np.uint8], detections: Detections, confidence: _Confidence, reduction: int = 1
    ) -> FaceMesh | None:
        meshes = self._confirmed(photo_rgb, detections, confidence, reduction)
        if not meshes:
            return None
        landmarks_xyz, probability = meshes[0]
        landmarks_xyz.flags.writeable = False
        return FaceMesh(landmarks_xyz, probability, len(meshes))

    def _looks(self, photo_rgb: NDArray[np.uint8], reduction: int = 1) -> Iterator[tuple[Detections, _Confidence]]:
        height_px, width_px = photo_rgb.shape[:2]
        whole = whole_photo(height_px, width_px)
        yield self._short_range.look(photo_rgb, whole, reduction), _AS_MEDIAPIPE
        yield self._full_range.look(photo_rgb, whole, reduction), _BEYOND_MEDIAPIPE
        tiles = _tiles(height_px, width_px, whole.side_px / _TILES_PER_SIDE)
        yield merge([self._short_range.look(photo_rgb, tile, reduction) for tile in tiles]), _BEYOND_MEDIAPIPE

    def _confirmed(
        self, photo_rgb: NDArray[np.uint8], detections: Detections, confidence: _Confidence, reduction: int
    ) -> list[tuple[NDArray[np.float32], float]]:
        """Return the meshes, largest detection first, that the mesh network calls faces, each face once."""
        sizes_px = np.max(detections.boxes_xyxy[:, 2:] - detections.boxes_xyxy[:, :2], axis=1, initial=0.0)
        sizes_px[detections.scores < confidence.detection] = 0.0
        meshes: list[tuple[NDArray[np.float32], float]] = []
        for index in np.argsort(-sizes_px, kind="stable")[:_MAX_MESHES_PER_LOOK]:
            if sizes_px[index] == 0.0:
                break
            roi = roi_of_detection(detections.boxes_xyxy[index], detections.key_points_xy[index])
            small = bool(sizes_px[index] < _SMALL_SHARE * max(photo_rgb.shape[:2]))
            tilted = abs(roi.angle_rad) > _TILTED_RAD
            unsure = bool(detections.scores[index] < _SURE_SCORE)
            if small or tilted or unsure:
                turns_rad = _TURNS_RAD if unsure else _TURNS_RAD[:1]
                roi = self._closer_look(photo_rgb, roi, turns_rad, reduction, sharpen=small or tilted)
            landmarks_xyz, probability = self._mesh.fit(photo_rgb, roi, reduction)
            if probability >= confidence.mesh and not any(_same_face(landmarks_xyz, other) for other, _ in meshes):
                meshes.append((landmarks_xyz, probability))
        return meshes

    def _closer_look(
        self, photo_rgb: NDArray[np.uint8], roi: Square, turns_rad: tuple[float, ...], reduction: int, *, sharpen: bool
    ) -> Square:
        """Return the mesh's region of the same face in the turn in which it is seen best.

        Without ``sharpen`` an upright face keeps its ``roi``, so that its landmarks equal MediaPipe's.
        """
        best, best_score = roi, 0.0
        for turn_rad in turns_rad:
            square = replace(roi, side_px=_CLOSER_SIDE * roi.side_px, angle_rad=roi.angle_rad + turn_rad)
            found = self._short_range.look(photo_rgb, square, reduction)
            for box_xyxy, key_points_xy, score in zip(found.boxes_xyxy, found.key_points_xy, found.scores, strict=True):
                seen = roi_of_detection(box_xyxy, key_points_xy)
                offset_px = math.hypot(seen.center_x - roi.center_x, seen.center_y - roi.center_y)
                if score > best_score and offset_px < roi.side_px / 3.0:  # half a box: the same face
                    best, best_score = seen if sharpen or turn_rad else roi, float(score)
        return best


def _require_photo(photo_rgb: NDArray[np.uint8]) -> None:
    if photo_rgb.ndim != 3 or photo_rgb.shape[2] != 3 or photo_rgb.dtype != np.uint8 or photo_rgb.size == 0:
        raise ContractError(f"The photograph must be (H, W, 3) uint8 RGB, got {photo_rgb.shape} {photo_rgb.dtype}.")
    height_px, width_px = photo_rgb.shape[:2]
    if max(height_px, width_px) > MAX_SIDE_PX:
        raise ImageTooLargeError(
            f"The photograph is {width_px}x{height_px} pixels; a side may have at most {MAX_SIDE_PX}. Crop it."
        )


def _same_face(one_xyz: NDArray[np.float32], other_xyz: NDArray[np.float32]) -> bool:
    """Return whether the centre of one mesh lies in the middle half of the other."""
    low, high = other_xyz[:, :2].min(axis=0), other_xyz[:, :2].max(axis=0)
    offset = np.abs(one_xyz[:, :2].mean(axis=0) - (low + high) / 2.0)
    return bool((offset < (high - low) / 4.0).all())


def _tiles(height_px: int, width_px: int, side_px: float) -> list[Square]:
    """Return squares of ``side_px`` that overlap by half and cover the photograph."""

    def centers(length_px: int) -> NDArray[np.float64]:
        steps = max(math.ceil((length_px - side_px) / (side_px / 2.0)), 0)
        if steps == 0:
            return np.array([length_px / 2.0])
        return np.linspace(side_px / 2.0, length_px - side_px / 2.0, steps + 1)

    return [Square(float(x), float(y), side_px) for y in centers(height_px) for x in centers(width_px)]
