"""What a segmentation returns."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError
from wrinkle_core.report import QualityWarning, RegionFigures, Report
from wrinkle_core.step_timings import StepTimings

if TYPE_CHECKING:
    import pandas

    from wrinkle_client.photo import Photo
    from wrinkle_client.result_forms.run_length import RunLengthEncoding
    from wrinkle_core.geometry import Geometry

__all__ = ["OverlayStyle", "SavedFiles", "SegmentationResult", "Timings"]

OverlayStyle: TypeAlias = Literal["contour", "heat", "side-by-side"]


@dataclass(frozen=True, slots=True)
class Timings:
    """How long the parts of one call took, in seconds.

    Attributes:
        total_s: The whole call.
        request_s: Sending, serving and receiving, waits and failed tries included.
        decode_s: Reading the answer.
        attempts: Tries it took.
    """

    total_s: float
    request_s: float
    decode_s: float
    attempts: int


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """Paths that ``SegmentationResult.save`` wrote; None for a picture that there was none to write of."""

    mask: os.PathLike[str]
    overlay: os.PathLike[str] | None
    document: os.PathLike[str]
    probability: os.PathLike[str] | None
    skin_mask: os.PathLike[str] | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SegmentationResult:
    """Mask and figures of one photograph; immutable, arrays included.

    Two results are equal when they say the same of a photograph: masks, probability, report, geometry, model and its
    version. How long it took, the request id and the photograph itself are not compared. Equal results hash alike.

    Attributes:
        mask: (H, W) uint8 in {0, 1}, read-only, in pixels of the upright photograph (EXIF orientation applied).
        probability: (H, W) float32 in [0, 1] in steps of 1/255, read-only; None unless ``segment`` was told
            ``probability=True``, for it multiplies the answer's size.
        report: Regions, capture quality, warnings and the threshold used.
        model: The segmenter's name.
        model_version: Version of the ensemble that answered.
        request_id: The id the server's steps saw, for finding the call in its log.
        timings: How long the call took; ``step_timings`` has the server's steps.
        skin_mask: (H, W) uint8 in {0, 1}, read-only: where wrinkles may be marked, skin for ``unetpp``, skin and nose
            for ``unet_texture``; None unless ``segment`` was told ``skin_mask=True``.
        geometry: Landmarks and alignment; None unless ``segment`` was told ``geometry=True``.
        photo: The encoded file that was sent, kept by reference for ``overlay``; absent from ``repr`` and pickles: it
            shows a face.
    """

    mask: NDArray[np.uint8]
    probability: NDArray[np.float32] | None
    report: Report
    model: str
    model_version: str
    request_id: str
    timings: Timings
    skin_mask: NDArray[np.uint8] | None = None
    geometry: Geometry | None = None
    photo: bytes | None = field(default=None)

    def __post_init__(self) -> None:
        size = (self.report.image_height_px, self.report.image_width_px)
        for name, array in (("mask", self.mask), ("probability", self.probability), ("skin_mask", self.skin_mask)):
            if array is not None:
                if array.shape != size:
                    raise ContractError(f"{name} is {array.shape}, the report says {size}.")
                array.flags.writeable = False

    def __repr__(self) -> str:
        height, width = self.mask.shape
        return (
            f"SegmentationResult(model={self.model!r}, {width}x{height} px, {len(self.regions)} regions, "
            f"{len(self.warnings)} warnings, request_id={self.request_id!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SegmentationResult):
            return NotImplemented
        pictures = zip(self._pictures(), other._pictures(), strict=True)
        return self._words() == other._words() and all(_equal(mine, its) for mine, its in pictures)

    def __hash__(self) -> int:
        return hash(self._words())

    def __reduce__(self) -> tuple[type[SegmentationResult], tuple[Any, ...]]:
        kept = (getattr(self, item.name) for item in fields(self) if item.name != "photo")
        return type(self), tuple(kept)

    @property
    def regions(self) -> tuple[RegionFigures, ...]:
        """Figures per facial region."""
        return self.report.regions

    @property
    def warnings(self) -> tuple[QualityWarning, ...]:
        """What makes the figures less reliable; empty when nothing does."""
        return self.report.warnings

    @property
    def step_timings(self) -> StepTimings:
        """How long each step of the ensemble took, in milliseconds, as the server measured it."""
        return self.report.step_timings

    def overlay(self, photo: Photo | None = None, *, style: OverlayStyle = "contour") -> NDArray[np.uint8]:
        """Draw the result over the photograph.

        Args:
            photo: The photograph, in any form ``segment`` takes; by default the one that was sent.
            style: ``contour`` draws the mask as bright lines with a dark rim, ``heat`` the probability as a colour
                scale, ``side-by-side`` the photograph and beside it (above it, when it is wide) the lines.

        Returns:
            (H, W, 3) uint8 RGB, upright; both pictures and a white gap between them for ``side-by-side``.

        Raises:
            InvalidParameterError: Unknown style; ``heat`` without a probability; no photograph, or one of another size.
            InvalidImageError: ``photo`` is no image that can be read here.
            ImageTooLargeError: ``photo`` is over the contract's limits.
        """
        from wrinkle_client.result_forms.overlays import draw

        return draw(self, photo, style)

    def contours(self) -> list[NDArray[np.float32]]:
        """Return the outlines of the marked areas as closed polygons.

        Returns:
            Polygons of (N, 2) float32 points x, y in pixels of the photograph; pixel centres lie at whole numbers and
            the last point repeats the first. A hole is a polygon of its own: filled by the even-odd rule, the polygons
            cover exactly the mask's pixel centres.
        """
        from wrinkle_client.result_forms.outlines import outlines

        return outlines(self.mask)

    def to_png(self) -> bytes:
        """Return the mask as a 1-bit PNG file; white is wrinkle."""
        from wrinkle_client.result_forms.saving import mask_png

        return mask_png(self.mask)

    def to_rle(self) -> RunLengthEncoding:
        """Return the mask as COCO's compressed run-length encoding, ready for ``json.dumps`` and pycocotools."""
        from wrinkle_client.result_forms.run_length import encode

        return encode(self.mask)

    def to_document(self) -> dict[str, Any]:
        """Return everything but the pictures and the geometry as plain values, ready for ``json.dumps``."""
        return {
            "model": self.model,
            "model_version": self.model_version,
            "request_id": self.request_id,
            "timings": asdict(self.timings),
            "report": asdict(self.report),
        }

    def to_json(self) -> str:
        """Return ``to_document`` as one line of JSON."""
        return json.dumps(self.to_document(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    def to_series(self) -> pandas.Series:
        """Return the figures as one row for a table: ``pandas.DataFrame([result.to_series() for result in results])``.

        Columns are ``model``, ``threshold`` and so on, ``REGION.FIGURE`` such as ``forehead.line_length_iod``,
        ``quality.FIGURE``, and ``warnings``, the codes joined by spaces. A figure nobody could measure is NaN.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from wrinkle_client.result_forms.figure_row import figure_row

        return figure_row(self)

    def save(
        self,
        directory: str | os.PathLike[str],
        stem: str,
        *,
        photo: Photo | None = None,
        style: OverlayStyle | None = "contour",
    ) -> SavedFiles:
        """Write ``STEM-mask.png``, ``STEM-overlay.png``, ``STEM.json`` and the other pictures that there are.

        Those are ``STEM-probability.png`` and ``STEM-skin-mask.png``. Each file appears whole or not at all and is
        readable by this user only; files of the same names are replaced, the JSON last.

        Args:
            directory: Created when missing.
            stem: Start of the file names, a plain name.
            photo: As for ``overlay``.
            style: As for ``overlay``; None writes no overlay.

        Raises:
            InvalidParameterError: ``stem`` is no plain file name, or as for ``overlay``.
        """
        from wrinkle_client.result_forms.saving import save_result

        return save_result(self, directory, stem, photo=photo, style=style)

    def _words(self) -> tuple[Report, Geometry | None, str, str]:
        return self.report, self.geometry, self.model, self.model_version

    def _pictures(self) -> tuple[NDArray[Any] | None, ...]:
        return self.mask, self.probability, self.skin_mask


def _equal(left: NDArray[Any] | None, right: NDArray[Any] | None) -> bool:
    if left is None or right is None:
        return left is right
    return np.array_equal(left, right)
