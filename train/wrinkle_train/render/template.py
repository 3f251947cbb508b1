"""From the mean FFHQ face to one photograph: a piecewise affine map over the face mesh's triangles.

Triangles that flip over face away from the camera: points in them are dropped.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from wrinkle_core.geometry import LANDMARK_COUNT

__all__ = ["FaceTemplate"]

_MIN_AREA_RATIO: Final = 0.12  # flatter triangles are seen almost edge on


class FaceTemplate:
    """The 468 landmarks of a mean face in the 1024 px FFHQ frame, triangulated.

    Attributes:
        points_xy: (468, 2) float64.
    """

    def __init__(self, points_xy: NDArray[np.float64]) -> None:
        self.points_xy = points_xy
        self._mesh = Delaunay(points_xy)
        self._areas = _signed_areas(points_xy[self._mesh.simplices])

    @classmethod
    def read(cls, path: Path) -> FaceTemplate:
        """Read ``index,x,y,...`` rows."""
        points = np.zeros((LANDMARK_COUNT, 2))
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                points[int(row["index"])] = float(row["x"]), float(row["y"])
        return cls(points)

    def visible_triangles(self, landmarks_xy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return, per triangle, whether it keeps its orientation and a fair share of its area in a photograph."""
        areas = _signed_areas(landmarks_xy[self._mesh.simplices].astype(np.float64))
        ratio = areas / self._areas
        median = float(np.median(ratio[ratio > 0])) if (ratio > 0).any() else 1.0
        visible: NDArray[np.bool_] = ratio > _MIN_AREA_RATIO * median
        return visible

    def place(
        self, points_xy: NDArray[np.float32], landmarks_xy: NDArray[np.float32], visible: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Map template points onto a face.

        Args:
            points_xy: (K, 2) in the template's frame.
            landmarks_xy: (468, 2) of the face, in any frame.
            visible: What ``visible_triangles`` said of this face.

        Returns:
            (K, 2) float32 in the landmarks' frame; NaN where the point lies outside the mesh or in a hidden triangle.
        """
        triangle = self._mesh.find_simplex(points_xy)
        kept = (triangle >= 0) & visible[triangle]
        placed = np.full((len(points_xy), 2), np.nan, np.float32)
        chosen = triangle[kept]
        affine = self._mesh.transform[chosen]  # (K, 3, 2): inverse edges, then the third corner
        first = np.einsum("kij,kj->ki", affine[:, :2], points_xy[kept] - affine[:, 2])
        weights = np.column_stack([first, 1 - first.sum(axis=1)])
        placed[kept] = np.einsum("kc,kcd->kd", weights, landmarks_xy[self._mesh.simplices[chosen]])
        return placed


def _signed_areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twice the signed area of (T, 3, 2) triangles."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], np.float64)
