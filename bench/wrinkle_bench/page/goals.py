"""The goals of the service's speed, each with what was measured and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from wrinkle_bench.page.figures import Figures
from wrinkle_bench.page.table import NONE, markdown_table
from wrinkle_bench.processor_limits.limits import INT8, TORCH
from wrinkle_core.contract import SEGMENTERS

__all__ = ["goals_table"]

_HIGH_LOAD = 16


@dataclass(frozen=True, slots=True)
class _Goal:
    """One line of the table.

    Attributes:
        what: The figure.
        wanted: As a person reads it.
        limit: As a number.
        at_least: Whether it is a lower bound.
        measured: Reads it; None when it was not measured.
        form: How it is printed.
        most: Reads the most that this processor allows, where a measurement tells; None otherwise.
        between: Reads between what the figure lies, where a measurement tells; None otherwise.
    """

    what: str
    wanted: str
    limit: float
    at_least: bool
    measured: Callable[[Figures], float | None]
    form: str = "{:.2f}"
    most: Callable[[Figures], float | None] = lambda _figures: None
    between: Callable[[Figures], tuple[float, float] | None] = lambda _figures: None

    def row(self, figures: Figures) -> tuple[str, str, str, str, str]:
        """Return its cells."""
        found, most = self.measured(figures), self.most(figures)
        shown = NONE if most is None else self.form.format(most)
        if found is None:
            return self.what, "not measured", self.wanted, shown, NONE
        met = found >= self.limit if self.at_least else found <= self.limit
        verdict = "met" if met else "**missed**"
        if not met and most is not None and most < self.limit:
            verdict += f": out of reach here, {found / most:.0%} of the most"
        measured = self.form.format(found)
        if (between := self.between(figures)) is not None:
            least, largest = between
            measured += f" ({self.form.format(least)} to {self.form.format(largest)})"
            verdict = verdict if not least <= self.limit < largest else "**not settled**"
        return self.what, measured, self.wanted, shown, verdict


def goals_table(figures: Figures) -> str:
    """Return the table: measured, goal, what the processor allows, verdict; and a GPU's column, which was not there."""
    rows = [(*goal.row(figures), "not measured") for goal in _goals()]
    return markdown_table(("figure", "measured", "goal", "most here", "verdict", "GPU"), rows)


def _goals() -> Iterator[_Goal]:
    for spec in SEGMENTERS:
        name = spec.name
        for load, limit in ((2, 0.95), (4, 0.97), (16, 0.97)):
            yield _Goal(
                f"{name}, ensemble ÷ bare network, concurrency {load}",
                f"≥ {limit}",
                limit,
                True,
                _of_ceiling(name, load),
            )
    for spec in SEGMENTERS:
        yield _Goal(
            f"bare network, {spec.name}, TFLOP/s", "≥ 1.5", 1.5, True, _tflops(spec.name), most=_peak_tflops(spec.name)
        )
    yield _Goal(
        "bare network, unet_texture, INT8 ÷ as served",
        "≥ 1.8",
        1.8,
        True,
        _int8("unet_texture"),
        most=_most_int8("unet_texture"),
    )
    for peer in ("torchserve", "fastapi"):
        for name, limit in (("unetpp", 7.0), ("unet_texture", 12.0)):
            yield _Goal(
                f"{name}, ensemble ÷ {peer}",
                f"≥ {limit:g}",
                limit,
                True,
                _faster(name, peer),
                "{:.1f}",
                _over_torch(name),
            )
    for name, limit in (("unetpp", 15.0), ("unet_texture", 25.0)):
        yield _Goal(
            f"{name}, unloaded p50 less its network, 1024² JPEG",
            f"≤ {limit:g} ms",
            limit,
            False,
            _added(name),
            "{:.0f} ms",
            between=_added_between(name),
        )
    for name, limit in (("unetpp", 15.0), ("unet_texture", 25.0)):
        yield _Goal(
            f"{name}, pre + post, one core, 1024²", f"≤ {limit:g} ms", limit, False, _stages(name, 1024), "{:.1f} ms"
        )
    for spec in SEGMENTERS:
        yield _Goal(
            f"{spec.name}, pre + post, one core, 12 megapixels",
            "≤ 60 ms",
            60.0,
            False,
            _stages(spec.name, 3464),
            "{:.1f} ms",
        )
    for spec in SEGMENTERS:
        yield _Goal(
            f"{spec.name}, throughput at concurrency {_HIGH_LOAD} ÷ at 2, no errors",
            "≥ 1.0",
            1.0,
            True,
            _holds(spec.name),
        )
    yield _Goal(
        "`wrinkle serve`, start to first answers of both, compiled before", "≤ 6 s", 6.0, False, _ready, "{:.1f} s"
    )


def _of_ceiling(name: str, load: int) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.ceiling is None else figures.ceiling.cases.get(name)
        return None if case is None or load not in case.loads else case.loads[load].of_ceiling

    return read


def _tflops(name: str) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.ceiling is None else figures.ceiling.cases.get(name)
        return None if case is None else case.tflops

    return read


def _peak_tflops(name: str) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.limits is None else figures.limits.cases.get(name)
        return None if case is None else case.peak_tops(case.served.arithmetic)

    return read


def _over_torch(name: str) -> Callable[[Figures], float | None]:
    """Return what reads how much faster the network is than in torch, both with no server."""

    def read(figures: Figures) -> float | None:
        case = None if figures.limits is None else figures.limits.cases.get(name)
        return None if case is None else case.served_over(TORCH)

    return read


def _int8(name: str) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.limits is None else figures.limits.cases.get(name)
        return None if case is None else case.over_served(INT8)

    return read


def _most_int8(name: str) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.limits is None else figures.limits.cases.get(name)
        return None if case is None else case.most_over_served(INT8)

    return read


def _added(name: str) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.ceiling is None else figures.ceiling.cases.get(name)
        return None if case is None else case.added_ms

    return read


def _added_between(name: str) -> Callable[[Figures], tuple[float, float] | None]:
    def read(figures: Figures) -> tuple[float, float] | None:
        case = None if figures.ceiling is None else figures.ceiling.cases.get(name)
        return None if case is None else case.added_between_ms

    return read


def _holds(name: str) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.ceiling is None else figures.ceiling.cases.get(name)
        if case is None or not {2, _HIGH_LOAD} <= case.loads.keys():
            return None
        return case.loads[_HIGH_LOAD].of_ceiling / case.loads[2].of_ceiling

    return read


def _faster(name: str, peer: str) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.peers is None else figures.peers.cases.get(name)
        return None if case is None or peer not in case.peers else case.times_faster(peer)

    return read


def _stages(name: str, side_px: int) -> Callable[[Figures], float | None]:
    def read(figures: Figures) -> float | None:
        case = None if figures.steps is None else figures.steps.cases.get(f"{name}.{side_px}px")
        return None if case is None else case.processor_ms

    return read


def _ready(figures: Figures) -> float | None:
    case = None if figures.startup is None else figures.startup.cases.get("+".join(spec.name for spec in SEGMENTERS))
    return None if case is None else median(case.ready_after_s)
