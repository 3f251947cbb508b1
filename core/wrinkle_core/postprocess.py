"""From a probability map in the aligned frame to the answer in the photograph's pixels: the threshold step.

The probability is warped back first and cut there, so the mask's edge is as fine as the photograph. The rule, in
integers: a pixel is marked where its warped 8-bit value q >= L with L = ceil(255 * threshold), which is
q / 255 >= threshold, and where the skin mask drawn in the photograph's pixels is 1. Outside the face's bounding box
nothing is computed. The figures are measured in the aligned frame with the same rule.

Matrices map pixel centres (integer = centre), as ``cv2.warpAffine`` has it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.alignment import inter_ocular_px, photo_in_frame, transform_points
from wrinkle_core.bilevel_png import bilevel_png
from wrinkle_core.contract import CONTRACT_VERSION, DEFAULT_MAX_PIXELS
from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_core.face_in_photo import FaceInPhoto
from wrinkle_core.face_mask import face_mask
from wrinkle_core.geometry import Geometry
from wrinkle_core.measure import Measurement, measure, measured_window
from wrinkle_core.quality import quality_warnings
from wrinkle_core.regions import region_labels
from wrinkle_core.report import Report
from wrinkle_core.step_timings import timings_at_threshold

__all__ = ["Answer", "ThresholdOptions", "postprocess"]

# Keys that Triton keeps for itself: docs/protocol/extension_parameters.md; also every key that starts with "triton_".
_TRITON_KEYS: Final = frozenset(
    {"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "binary_data_output"}
)
_TRITON_PREFIX: Final = "triton_"
_MAX_ANSWER_PIXELS: Final = 8 * DEFAULT_MAX_PIXELS
_FAST: Final = (cv2.IMWRITE_PNG_COMPRESSION, 1)


@dataclass(frozen=True, slots=True)
class ThresholdOptions:
    """What a request may choose.

    Attributes:
        threshold: Probability at and above which a pixel is a wrinkle, in [0, 1]; None takes the segmenter's default.
        probability: Return the probability map too.
        skin_mask: Return the mask of what may be marked too.

    Raises:
        InvalidParameterError: The threshold is not in [0, 1].
    """

    threshold: float | None = None
    probability: bool = False
    skin_mask: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise InvalidParameterError(f"Parameter threshold must be between 0 and 1, got {self.threshold}.")

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, object]) -> ThresholdOptions:
        """Read Triton's request parameters.

        Args:
            parameters: Names with bool, int, float or text values; a number or bool may come as text. The keys that
                Triton reserves are skipped.

        Raises:
            InvalidParameterError: A key is unknown, or a value is of the wrong type or out of range.

        Source:
            Triton docs/protocol/extension_parameters.md.
        """
        threshold, probability, skin_mask = None, False, False
        for key, value in parameters.items():
            if key == "threshold":
                threshold = _number(value)
            elif key == "probability":
                probability = _flag(key, value)
            elif key == "skin_mask":
                skin_mask = _flag(key, value)
            elif key not in _TRITON_KEYS and not key.startswith(_TRITON_PREFIX):
                raise InvalidParameterError(
                    f"Parameter {key[:40]!r} is unknown; there are threshold (0 to 1), probability and skin_mask "
                    "(true or false)."
                )
        return cls(threshold, probability, skin_mask)


@dataclass(frozen=True, slots=True)
class Answer:
    """The outputs of the threshold step.

    Attributes:
        mask_png: 1-bit PNG of the upright photograph's size; white is wrinkle.
        probability_png: 8-bit PNG of the same size, probability times 255 in the face's mask, 0 elsewhere; empty bytes
            unless asked for.
        skin_mask_png: 1-bit PNG of the same size, white where the segmenter may mark: skin for ``unetpp``, the nose too
            for ``unet_texture``; empty bytes unless asked for.
        report_json: UTF-8 JSON, see report.py.
    """

    mask_png: bytes
    probability_png: bytes
    skin_mask_png: bytes
    report_json: bytes


def postprocess(
    probability: NDArray[np.uint8],
    network_input: NDArray[np.uint8],
    geometry: Geometry,
    options: ThresholdOptions,
) -> Answer:
    """Return mask, probability map, skin mask and report of one photograph.

    Args:
        probability: (1, S, S) probability times 255 in the aligned frame, S = the segmenter's ``input_px``.
        network_input: (1, C, S, S) what the segmenter saw, RGB first.
        geometry: Where the aligned frame lies in the photograph.
        options: The request's choices.

    Raises:
        ContractError: A tensor does not fit the segmenter that ``geometry`` names, or the geometry is degenerate.
    """
    began_s = time.monotonic()
    spec = geometry.segmenter
    side = spec.input_px
    _require(probability, (1, side, side), "PROBABILITY")
    _require(network_input, (1, len(spec.channels), side, side), "INPUT")
    _require_geometry(geometry)
    threshold = spec.default_threshold if options.threshold is None else options.threshold
    level = math.ceil(round(255.0 * threshold, 6))
    face = FaceInPhoto(probability[0], geometry)
    mask_png = _bilevel(face.marked_bits(level), face, geometry)
    probability_png = _grey(face.probability_in_photo()) if options.probability else b""
    skin_mask_png = _bilevel(np.packbits(face.skin, axis=1), face, geometry) if options.skin_mask else b""
    measurement = _measure_aligned(probability[0], network_input[0, :3], geometry, level)
    report = Report(
        contract_version=CONTRACT_VERSION,
        segmenter=spec.name,
        threshold=threshold,
        image_width_px=geometry.image_width_px,
        image_height_px=geometry.image_height_px,
        interocular_distance_px=round(inter_ocular_px(geometry.landmarks_xy), 2),
        whole_face=measurement.whole_face,
        regions=measurement.regions,
        quality=geometry.quality,
        warnings=quality_warnings(geometry.quality),
        step_timings=timings_at_threshold(geometry.stamp, began_s),
    )
    return Answer(mask_png, probability_png, skin_mask_png, report.to_json())


def _number(value: object) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            raise InvalidParameterError(f"Parameter threshold must be a number, got {str(value)[:40]!r}.") from None
    raise InvalidParameterError(f"Parameter threshold must be a number, got {type(value).__name__}.")


def _flag(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise InvalidParameterError(f"Parameter {key} must be true or false, got {str(value)[:40]!r}.")


def _require(tensor: NDArray[np.uint8], shape: tuple[int, ...], name: str) -> None:
    if tensor.dtype != np.uint8 or tensor.shape != shape:
        raise ContractError(f"{name} must be uint8 {shape}, got {tensor.dtype} {tensor.shape}.")


def _require_geometry(geometry: Geometry) -> None:
    pixels = geometry.image_width_px * geometry.image_height_px
    if pixels > _MAX_ANSWER_PIXELS:
        raise ContractError(
            f"GEOMETRY gives an image of {pixels} pixels; at most {_MAX_ANSWER_PIXELS} can be answered."
        )
    if abs(np.linalg.det(geometry.photo_to_aligned[:, :2])) < 1e-12:
        raise ContractError("GEOMETRY's alignment cannot be inverted.")


def _measure_aligned(
    probability: NDArray[np.uint8], face_rgb: NDArray[np.uint8], geometry: Geometry, level: int
) -> Measurement:
    side = probability.shape[0]
    to_aligned = geometry.photo_to_aligned
    landmarks_xy = transform_points(geometry.landmarks_xy, to_aligned)
    interocular_px = inter_ocular_px(landmarks_xy)
    rows, columns = window = measured_window(landmarks_xy, side, interocular_px)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    landmarks_xy -= np.array([columns.start, rows.start], np.float32)
    skin = face_mask(landmarks_xy, height, width, geometry.segmenter.mask_rule)
    seen = skin & photo_in_frame(to_aligned, geometry.image_width_px, geometry.image_height_px, side)[window]
    reached = cv2.threshold(probability[window], level - 1, 1, cv2.THRESH_BINARY)[1]
    return measure(
        probability[window],
        mask=reached & seen,
        skin=skin,
        seen=seen,
        face_rgb=face_rgb[:, rows, columns],
        labels=region_labels(landmarks_xy, height, width),
        interocular_px=interocular_px,
    )


def _bilevel(bits: NDArray[np.uint8], face: FaceInPhoto, geometry: Geometry) -> bytes:
    return bilevel_png(
        bits,
        left_px=face.left_px,
        top_px=face.top_px,
        width_px=geometry.image_width_px,
        height_px=geometry.image_height_px,
    )


def _grey(image: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", image, _FAST)
    return encoded.tobytes()
