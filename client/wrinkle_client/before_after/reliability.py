"""Reasons why two photographs should not be compared, from their capture quality and their alignment.

The limits are conventions of this project: half of what already earns one photograph a warning, for between two
photographs differences matter that each one alone may have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wrinkle_core.report import QualityWarning, Report

__all__ = ["pair_warnings"]

MAX_YAW_DIFFERENCE_DEG: Final = 15.0
MAX_PITCH_DIFFERENCE_DEG: Final = 15.0
MAX_EXPOSURE_DIFFERENCE: Final = 0.12
MAX_SHARPNESS_RATIO: Final = 1.3
MAX_FACE_SIZE_RATIO: Final = 1.6
MAX_RESIDUAL_IOD: Final = 0.06


def pair_warnings(before: Report, after: Report, residual_iod: float) -> tuple[QualityWarning, ...]:
    """Return what makes a comparison unreliable, empty when nothing does; each message says what to do."""
    return (*_differences(before, after, residual_iod), *_of_one("before", before), *_of_one("after", after))


def _differences(before: Report, after: Report, residual_iod: float) -> Iterator[QualityWarning]:
    first, second = before.quality, after.quality
    for code, name, difference_deg, limit_deg in (
        ("POSE_DIFFERS", "turned", abs(first.yaw_deg - second.yaw_deg), MAX_YAW_DIFFERENCE_DEG),
        ("POSE_DIFFERS", "tilted", abs(first.pitch_deg - second.pitch_deg), MAX_PITCH_DIFFERENCE_DEG),
    ):
        if difference_deg > limit_deg:
            yield QualityWarning(
                code,
                f"The head is {name} {difference_deg:.0f} degrees more in one photograph, at most {limit_deg:.0f} are "
                "good; take both from the same side.",
            )
    exposures = first.exposure, second.exposure
    if abs(exposures[0] - exposures[1]) > MAX_EXPOSURE_DIFFERENCE:
        yield QualityWarning(
            "LIGHT_DIFFERS",
            f"The skin's brightness is {exposures[0]:.2f} and {exposures[1]:.2f} of 1, and light changes what is "
            "marked; take both under the same light.",
        )
    if _ratio(first.sharpness, second.sharpness) > MAX_SHARPNESS_RATIO:
        yield QualityWarning(
            "SHARPNESS_DIFFERS",
            f"The sharpness is {first.sharpness:.2f} and {second.sharpness:.2f}; the blurred one hides fine lines.",
        )
    if _ratio(first.face_height_px, second.face_height_px) > MAX_FACE_SIZE_RATIO:
        yield QualityWarning(
            "RESOLUTION_DIFFERS",
            f"The face is {first.face_height_px:.0f} px high before and {second.face_height_px:.0f} px after, and the "
            "smaller one hides fine lines; take both from the same distance.",
        )
    if residual_iod > MAX_RESIDUAL_IOD:
        yield QualityWarning(
            "ALIGNMENT_POOR",
            f"After alignment the landmarks are {residual_iod:.3f} eye distances apart (the middle one), at most "
            f"{MAX_RESIDUAL_IOD:.3f} is good: pose or expression differ, or these are two people. New and gone lines "
            "mean little.",
        )


def _of_one(name: str, report: Report) -> Iterator[QualityWarning]:
    return (QualityWarning(one.code, f"In the photograph {name}: {one.message}") for one in report.warnings)


def _ratio(one: float, two: float) -> float:
    return max(one, two) / max(min(one, two), 1e-6)
