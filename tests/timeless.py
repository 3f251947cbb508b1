"""Comparing two answers to one photograph: everything but how long the steps took."""

from __future__ import annotations

from collections.abc import Mapping

from wrinkle_core.report import Report
from wrinkle_core.step_timings import STAMP_LENGTH

__all__ = ["timeless"]

_STAMP_BYTES = 4 * STAMP_LENGTH


def timeless(outputs: Mapping[str, bytes]) -> dict[str, object]:
    """Return the outputs of an ensemble by name, without timings: the same photograph gives the same again."""
    compared: dict[str, object] = dict(outputs)
    compared["REPORT_JSON"] = Report.from_json(outputs["REPORT_JSON"])  # whose comparison leaves timings out
    if "GEOMETRY" in outputs:
        compared["GEOMETRY"] = outputs["GEOMETRY"][:-_STAMP_BYTES]
    return compared
