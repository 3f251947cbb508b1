"""What a segmentation returns."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import DEFAULT_MAX_PIXELS
from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_core.report import QualityWarning, RegionFigures, Report

__all__ = ["OverlayStyle", "SavedFiles", "SegmentationResult", "Timings"]

OverlayStyle: TypeAlias = Literal["contour", "heat"]


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
    """Paths that ``SegmentationResult.save`` wrote; ``probability`` is None when there was none to write."""

    mask: os.PathLike[str]
    overlay: os.PathLike[str]
    document: os.PathLike[str]
    probability: os.PathLike[str] | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SegmentationResult:
    """Mask and figures of one photograph; immutable, arrays included.

    Attributes:
        mask: (H, W) uint8 in {0, 1}, read-only, in pixels of the upright photograph (EXIF orientation applied).
        probability: (H, W) float32 in [0, 1] in steps of 1/255, read-only; None unless ``segment`` was told
            ``probability=True``, for it multiplies the answer's size.
        report: Regions, capture quality, warnings and the threshold used.
        model: The segmenter's name.
        model_version: Version of the ensemble that answered.
        request_id: The id the server's steps saw, for finding the call in its log.
        timings: How long it took.
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
    photo: bytes | None = field(default=None)

    def __post_init__(self) -> None:
        size = (self.report.image_height_px, self.report.image_width_px)
        for name, array in (("mask", self.mask), ("probability", self.probability)):
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

    def overlay(self, photo: bytes | None = None, *, style: OverlayStyle = "contour") -> NDArray[np.uint8]:
        """Draw the result over the photograph.

        Args:
            photo: The encoded file; by default the one that was sent.
            style: ``contour`` draws the mask as bright lines, ``heat`` the probability as a colour scale.

        Returns:
            (H, W, 3) uint8 RGB, upright.

        Raises:
            InvalidParameterError: Unknown style; ``heat`` without a probability; no photograph, or one of another size.
            InvalidImageError: ``photo`` is no image that can be read here.
            ImageTooLargeError: ``photo`` is over the contract's limits.
        """
        from wrinkle_core import drawing
        from wrinkle_core.decode import DecodeLimits, decode_image

        if style not in ("contour", "heat"):
            raise InvalidParameterError(f"There is no overlay style {style!r}; choose contour or heat.")
        if style == "heat" and self.probability is None:
            raise InvalidParameterError("A heat overlay needs the probability: call segment(..., probability=True).")
        encoded = self.photo if photo is None else photo
        if encoded is None:
            raise InvalidParameterError("This result came without its photograph (pickles leave it out): pass photo=.")
        height_px, width_px = self.mask.shape
        photo_rgb = decode_image(encoded, DecodeLimits(max_pixels=max(DEFAULT_MAX_PIXELS, height_px * width_px)))
        if photo_rgb.shape[:2] != self.mask.shape:
            raise InvalidParameterError(
                f"The photograph is {photo_rgb.shape[1]}x{photo_rgb.shape[0]} px, the mask {width_px}x{height_px}: "
                "pass the photograph that was segmented."
            )
        if style == "heat" and self.probability is not None:
            return drawing.overlay_heat(photo_rgb, self.probability)
        return drawing.overlay_mask(photo_rgb, self.mask)

    def to_document(self) -> dict[str, Any]:
        """Return everything but the pictures as plain values, ready for ``json.dumps``."""
        return {
            "model": self.model,
            "model_version": self.model_version,
            "request_id": self.request_id,
            "timings": asdict(self.timings),
            "report": asdict(self.report),
        }

    def save(
        self,
        directory: str | os.PathLike[str],
        stem: str,
        *,
        photo: bytes | None = None,
        style: OverlayStyle = "contour",
    ) -> SavedFiles:
        """Write ``STEM-mask.png``, ``STEM-overlay.png``, ``STEM.json`` and, if there is one, ``STEM-probability.png``.

        Each file appears whole or not at all; files of the same names are replaced, the JSON last.

        Args:
            directory: Created when missing.
            stem: Start of the file names, a plain name.
            photo: As for ``overlay``.
            style: As for ``overlay``.

        Raises:
            InvalidParameterError: ``stem`` is no plain file name, or as for ``overlay``.
        """
        from wrinkle_client.saving import save_result

        return save_result(self, directory, stem, photo=photo, style=style)
