"""What a segmentation says beside its mask: figures per facial region, capture quality, warnings, step timings.

REPORT_JSON is this report as compact UTF-8 JSON. Only the standard library and geometry.py are needed, so the client
reads it too. The figures are image measurements in the aligned face frame, so they do not depend on the photograph's
size; they are not a diagnosis. docs/measurements.md says what each one means.

A region with no visible pixel has no figures: all its values but ``visible_fraction`` are None, null in JSON. JSON has
no NaN and neither has a report: a figure that is not finite raises ContractError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, Final, NoReturn, TypeVar

from wrinkle_core.contract_version import require_contract_version
from wrinkle_core.errors import ContractError
from wrinkle_core.geometry import CaptureQuality
from wrinkle_core.step_timings import StepTimings

__all__ = ["MAX_REPORT_BYTES", "REGION_NAMES", "WHOLE_FACE", "QualityWarning", "RegionFigures", "Report"]

MAX_REPORT_BYTES: Final = 256 * 1024
WHOLE_FACE: Final = "whole_face"
# In the order of regions.py, which has their outlines and needs OpenCV.
REGION_NAMES: Final = (
    "forehead",
    "glabella",
    "crows_feet_left",
    "crows_feet_right",
    "under_eye_left",
    "under_eye_right",
    "nasolabial_left",
    "nasolabial_right",
    "cheek_left",
    "cheek_right",
    "perioral",
    "chin",
)

_Part = TypeVar("_Part", bound="QualityWarning | RegionFigures | CaptureQuality")


@dataclass(frozen=True, slots=True)
class QualityWarning:
    """One reason why the figures may be less reliable; ``code`` is for machines, ``message`` for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """Wrinkle figures of one facial region; lengths are fractions of the inter-ocular distance.

    Attributes:
        name: Region name, see regions.py, or ``whole_face``.
        visible_fraction: Share of the region that the segmenter saw, [0, 1]; the rest is outside mask or frame.
        wrinkled_area_fraction: Share of the visible pixels marked as wrinkle, [0, 1].
        line_length_iod: Total length of the wrinkles' centre-lines, >= 0.
        deep_line_length_iod: The part of it that is wide or dark, >= 0.
        fine_line_length_iod: The rest of it, >= 0.
        mean_probability: Mean wrinkle probability of the visible pixels, [0, 1].
    """

    name: str
    visible_fraction: float
    wrinkled_area_fraction: float | None
    line_length_iod: float | None
    deep_line_length_iod: float | None
    fine_line_length_iod: float | None
    mean_probability: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one photograph.

    Attributes:
        contract_version: Version of the tensor contract that the server spoke.
        segmenter: Name of the network.
        threshold: Probability at and above which a pixel was marked, in [0, 1].
        image_width_px: Width of the upright photograph.
        image_height_px: Height of the upright photograph.
        interocular_distance_px: Unit of the line lengths, in photograph pixels.
        whole_face: Figures over the whole skin mask, regions and what lies between them.
        regions: Figures per region, always all of ``REGION_NAMES`` in that order.
        quality: Capture-quality figures.
        warnings: What makes the figures less reliable; empty when nothing does.
        step_timings: How long the steps took; no part of a comparison of two reports.
    """

    contract_version: int
    segmenter: str
    threshold: float
    image_width_px: int
    image_height_px: int
    interocular_distance_px: float
    whole_face: RegionFigures
    regions: tuple[RegionFigures, ...]
    quality: CaptureQuality
    warnings: tuple[QualityWarning, ...]
    step_timings: StepTimings = field(default=StepTimings(), compare=False)

    def to_json(self) -> bytes:
        """Return compact UTF-8 JSON, the REPORT_JSON bytes.

        Raises:
            ContractError: A figure is not finite.
        """
        try:
            text = json.dumps(self, default=_members, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except ValueError:
            raise ContractError("The report holds a figure that is not finite.") from None
        return text.encode()

    @classmethod
    def from_json(cls, data: bytes) -> Report:
        """Read REPORT_JSON bytes; ``Report.from_json(report.to_json()) == report``.

        Raises:
            ContractError: Not this contract version's report: a key is missing, unknown or repeated, a value is of the
                wrong type or not finite, or there are more than ``MAX_REPORT_BYTES``.
        """
        if len(data) > MAX_REPORT_BYTES:
            raise ContractError(f"REPORT_JSON has {len(data)} bytes, expected at most {MAX_REPORT_BYTES}.")
        try:
            document = json.loads(bytes(data).decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        except ContractError:
            raise
        except (ValueError, RecursionError) as error:
            raise ContractError("REPORT_JSON is not valid UTF-8 JSON.") from error
        if isinstance(document, dict):
            require_contract_version(document.get("contract_version"), of="The server", here="this client")
        body = _object(document, tuple(item.name for item in fields(cls)), "report")
        return cls(
            contract_version=_integer(body["contract_version"], "contract_version"),
            segmenter=_text(body["segmenter"], "segmenter"),
            threshold=_number(body["threshold"], "threshold"),
            image_width_px=_integer(body["image_width_px"], "image_width_px"),
            image_height_px=_integer(body["image_height_px"], "image_height_px"),
            interocular_distance_px=_number(body["interocular_distance_px"], "interocular_distance_px"),
            whole_face=_read_region(body["whole_face"]),
            regions=_list(body["regions"], "regions", _read_region),
            quality=_read_quality(body["quality"]),
            warnings=_list(body["warnings"], "warnings", _read_warning),
            step_timings=_read_timings(body["step_timings"]),
        )


def _members(part: Any) -> dict[str, object]:
    """Return what the JSON encoder writes of a part of the report; ``asdict`` would copy every figure first."""
    return {item.name: getattr(part, item.name) for item in fields(part)}


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ContractError("REPORT_JSON repeats a key.")
    return dict(pairs)


def _refuse_constant(_name: str) -> NoReturn:
    raise ContractError("REPORT_JSON holds a number that is not finite.")


def _object(value: object, keys: tuple[str, ...], name: str) -> dict[str, object]:
    if not isinstance(value, dict) or value.keys() != set(keys):
        raise ContractError(f"REPORT_JSON: {name} must be an object with exactly the keys {', '.join(keys)}.")
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ContractError(f"REPORT_JSON: {name} must be a number, got {type(value).__name__}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ContractError(f"REPORT_JSON: {name} is not finite.")
    return number


def _integer(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ContractError(f"REPORT_JSON: {name} must be a whole number above 0.")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise ContractError(f"REPORT_JSON: {name} must be a text.")
    return value


def _list(value: object, name: str, read: Callable[[object], _Part]) -> tuple[_Part, ...]:
    if not isinstance(value, list):
        raise ContractError(f"REPORT_JSON: {name} must be a list.")
    return tuple(read(item) for item in value)


def _read_region(value: object) -> RegionFigures:
    names = tuple(item.name for item in fields(RegionFigures))
    body = _object(value, names, "a region")
    figures = [None if body[name] is None else _number(body[name], name) for name in names[2:]]
    return RegionFigures(_text(body["name"], "name"), _number(body["visible_fraction"], "visible_fraction"), *figures)


def _read_quality(value: object) -> CaptureQuality:
    names = tuple(item.name for item in fields(CaptureQuality))
    body = _object(value, names, "quality")
    return CaptureQuality(*(_number(body[name], name) for name in names))


def _read_warning(value: object) -> QualityWarning:
    body = _object(value, ("code", "message"), "a warning")
    return QualityWarning(_text(body["code"], "code"), _text(body["message"], "message"))


def _read_timings(value: object) -> StepTimings:
    names = tuple(item.name for item in fields(StepTimings))
    body = _object(value, names, "step_timings")
    return StepTimings(*(None if body[name] is None else _number(body[name], name) for name in names))
