"""The page's drawings as SVG: the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from statistics import median
from typing import Any, Final

import matplotlib
from matplotlib.figure import Figure

from wrinkle_bench.page.figures import Figures
from wrinkle_bench.peers.comparison import OURS
from wrinkle_bench.sweep.plan import CENTRE_CONCURRENCY, CENTRE_PX
from wrinkle_bench.sweep.run import Measured
from wrinkle_core.contract import model

__all__ = ["drawings"]

_STYLE: Final = {
    "svg.hashsalt": "wrinkle-bench",  # else every run names its elements anew
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_COLOURS: Final = ("#3b6ea5", "#8fb3d9", "#c44e52", "#8c8c8c", "#dd8452", "#55a868", "#937860")


def drawings(figures: Figures) -> dict[str, bytes]:
    """Return every drawing that there are figures for, by file name."""
    drawn = {}
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        for name, draw, record in (
            ("where-the-time-goes", _where, figures.sweep),
            ("throughput-by-concurrency", _concurrency, figures.sweep),
            ("latency-by-image-size", _sizes, figures.sweep),
            ("peers", _peers, figures.peers),
        ):
            if record is not None:
                drawn[f"performance-{name}.svg"] = _svg(draw, record)
    return drawn


def _svg(draw: Callable[[Any, Figure], None], record: Any) -> bytes:
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    draw(record, figure)
    buffer = BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _ensembles(record: Any) -> list[Measured]:
    return [done for done in record.cases.values() if model(done.case.model_name).kind == "ensemble"]


def _at_centre(done: Measured, *, but: str) -> bool:
    case = done.case
    centre = {"protocol": "grpc", "concurrency": CENTRE_CONCURRENCY, "side_px": CENTRE_PX}
    return all(getattr(case, name) == value for name, value in centre.items() if name != but)


def _where(record: Any, figure: Figure) -> None:
    """Draw one stacked bar per ensemble and concurrency: each step's own work, queues, copies, the rest."""
    axes = figure.subplots()
    shown = [done for done in _ensembles(record) if _at_centre(done, but="concurrency") and done.case.concurrency <= 2]
    labels = [f"{done.case.segmenter}\nconcurrency {done.case.concurrency}" for done in shown]
    left = [0.0] * len(shown)
    kinds = ("preprocess", "segment", "postprocess")
    parts: list[tuple[str, list[float]]] = [(kind, [_work_ms(done, kind) for done in shown]) for kind in kinds]
    parts.append(("queues", [sum(step.queue_ms for step in done.seen.steps.values()) for done in shown]))
    parts.append(
        ("copies", [sum(step.copy_in_ms + step.copy_out_ms for step in done.seen.steps.values()) for done in shown])
    )
    parts.append(("between steps and client", [done.seen.between_ms for done in shown]))
    for (name, widths), colour in zip(parts, _COLOURS, strict=False):
        axes.barh(labels, widths, left=left, label=name, color=colour)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("mean milliseconds of a request, 1024² JPEG over gRPC")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)


def _work_ms(done: Measured, kind: str) -> float:
    return sum(step.compute_ms for name, step in done.seen.steps.items() if model(name).kind == kind)


def _concurrency(record: Any, figure: Figure) -> None:
    throughput, latency = figure.subplots(1, 2)
    for number, name in enumerate(dict.fromkeys(done.case.segmenter for done in _ensembles(record))):
        shown = [
            done for done in _ensembles(record) if done.case.segmenter == name and _at_centre(done, but="concurrency")
        ]
        shown.sort(key=lambda done: done.case.concurrency)
        loads = [done.case.concurrency for done in shown]
        throughput.plot(
            loads, [done.seen.throughput_hz for done in shown], "o-", label=name, color=_COLOURS[2 * number]
        )
        latency.plot(
            loads, [done.seen.p50_ms for done in shown], "o-", label=f"{name}, p50", color=_COLOURS[2 * number]
        )
        latency.plot(
            loads, [done.seen.p99_ms for done in shown], "o:", label=f"{name}, p99", color=_COLOURS[2 * number]
        )
    for axes, title in ((throughput, "answers per second"), (latency, "milliseconds")):
        axes.set_xscale("log", base=2)
        axes.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("requests in flight")
        axes.set_title(title)
        axes.legend(frameon=False)


def _sizes(record: Any, figure: Figure) -> None:
    """Draw preprocessing by image size: what a larger photograph costs."""
    axes = figure.subplots()
    shown = [done for done in _ensembles(record) if _at_centre(done, but="side_px")]
    for number, name in enumerate(dict.fromkeys(done.case.segmenter for done in shown)):
        own = sorted((done for done in shown if done.case.segmenter == name), key=lambda done: done.case.side_px)
        sides = [done.case.side_px for done in own]
        for kind, line in (("preprocess", "o-"), ("postprocess", "o:")):
            times = [_work_ms(done, kind) for done in own]
            axes.plot(sides, times, line, label=f"{name}, {kind}", color=_COLOURS[2 * number])
    axes.set_xlabel("side of the JPEG, pixels")
    axes.set_ylabel("milliseconds")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _peers(record: Any, figure: Figure) -> None:
    columns = figure.subplots(1, len(record.cases), squeeze=False)[0]
    for axes, (name, case) in zip(columns, record.cases.items(), strict=True):
        throughputs = {peer: median(one.throughput_hz) for peer, one in case.peers.items()}
        throughputs["bare network"] = median(case.ceiling_hz)
        colours = ["#55a868" if peer == OURS else "#8c8c8c" for peer in throughputs]
        axes.bar_label(axes.barh(list(throughputs), list(throughputs.values()), color=colours), fmt="%.2f", padding=3)
        axes.margins(x=0.15)
        axes.invert_yaxis()
        axes.set_title(name)
        axes.set_xlabel("answers per second")
