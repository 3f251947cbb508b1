"""What two photographs of one person say together: change per region, lines kept, new and gone, how far to trust it.

It does not check that both show the same person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from wrinkle_client.before_after.alignment import AlignedPair, align_pair
from wrinkle_client.before_after.line_changes import LineChanges, find_line_changes
from wrinkle_client.before_after.reliability import pair_warnings
from wrinkle_client.before_after.repeatability import repeatability_limits, repeated_reports
from wrinkle_client.result import SegmentationResult
from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.report import QualityWarning, RegionFigures, Report

__all__ = ["COMPARED", "Comparison", "FigureChange", "RegionChange", "compare"]

COMPARED: Final = ("wrinkled_area_fraction", "line_length_iod", "deep_line_length_iod")
_DOCUMENT_FORMAT: Final = 1

Verdict = Literal["within repeatability", "beyond repeatability", "unknown"]


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure of one region; None where a photograph does not show the region.

    Attributes:
        key: Field of ``RegionFigures``.
        before: In the first photograph.
        after: In the second.
        limit: Repeatability limit of the difference; None when it was not measured.
    """

    key: str
    before: float | None
    after: float | None
    limit: float | None

    @property
    def change(self) -> float | None:
        """After minus before."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def verdict(self) -> Verdict:
        """Whether the change is larger than what repeated measurement of one photograph brings."""
        if self.change is None or self.limit is None:
            return "unknown"
        return "beyond repeatability" if abs(self.change) > self.limit else "within repeatability"


@dataclass(frozen=True, slots=True)
class RegionChange:
    """The changes of one region, in the order of ``COMPARED``."""

    name: str
    figures: tuple[FigureChange, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A comparison; ``regions`` starts with the whole face."""

    before: SegmentationResult
    after: SegmentationResult
    pair: AlignedPair
    lines: LineChanges
    regions: tuple[RegionChange, ...]
    warnings: tuple[QualityWarning, ...]

    def to_document(self) -> dict[str, Any]:
        """Return everything but the pictures as plain values, ready for ``json.dumps``."""
        return {
            "comparison_format": _DOCUMENT_FORMAT,
            "contract_version": CONTRACT_VERSION,
            "model": self.after.model,
            "model_version": self.after.model_version,
            "threshold": self.after.report.threshold,
            "same_person_checked": False,
            "alignment_residual_iod": round(self.pair.residual_iod, 5),
            "lines_iod": {"kept": self.lines.kept_iod, "new": self.lines.new_iod, "gone": self.lines.gone_iod},
            "regions": [
                {"name": region.name, "figures": {one.key: _figure_document(one) for one in region.figures}}
                for region in self.regions
            ],
            "warnings": [asdict(warning) for warning in self.warnings],
        }


def compare(
    before: bytes, after: bytes, segment: Callable[[bytes], SegmentationResult], *, repeats: bool = True
) -> Comparison:
    """Segment and compare two photographs of one person.

    Args:
        before: The first encoded photograph.
        after: The second.
        segment: Segments one, with geometry.
        repeats: Also segment slightly changed copies of both, to learn how far the figures can be repeated.

    Raises:
        InvalidInputError: A photograph cannot be segmented.
        ServingError: The server failed.
    """
    results = [segment(before), segment(after)]
    limits: Mapping[tuple[str, str], float] = {}
    if repeats:
        series = [
            [result.report, *repeated_reports(photo, lambda copy: segment(copy).report)]
            for photo, result in zip((before, after), results, strict=True)
        ]
        limits = repeatability_limits(series, COMPARED)
    pair = align_pair(*results)
    first, second = results
    return Comparison(
        before=first,
        after=second,
        pair=pair,
        lines=find_line_changes(pair),
        regions=tuple(_changes(first.report, second.report, limits)),
        warnings=pair_warnings(first.report, second.report, pair.residual_iod),
    )


def _changes(before: Report, after: Report, limits: Mapping[tuple[str, str], float]) -> Sequence[RegionChange]:
    def change(one: RegionFigures, two: RegionFigures) -> RegionChange:
        return RegionChange(
            one.name,
            tuple(
                FigureChange(key, getattr(one, key), getattr(two, key), limits.get((one.name, key))) for key in COMPARED
            ),
        )

    firsts, seconds = ((report.whole_face, *report.regions) for report in (before, after))
    return [change(one, two) for one, two in zip(firsts, seconds, strict=True)]


def _figure_document(figure: FigureChange) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 5)

    return {
        "before": figure.before,
        "after": figure.after,
        "change": rounded(figure.change),
        "repeatability_limit": rounded(figure.limit),
        "verdict": figure.verdict,
    }
