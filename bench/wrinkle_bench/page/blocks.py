"""The page's tables, each from one record."""

from __future__ import annotations

from statistics import median

from wrinkle_bench.page.figures import Figures
from wrinkle_bench.page.goals import goals_table
from wrinkle_bench.page.limits import limits_block
from wrinkle_bench.page.table import NONE, markdown_table, not_measured, taken_on
from wrinkle_bench.peers.comparison import OURS, Comparison
from wrinkle_bench.sweep.plan import CENTRE_CONCURRENCY, CENTRE_PX
from wrinkle_bench.sweep.run import Measured

__all__ = ["page_blocks"]


def page_blocks(figures: Figures) -> dict[str, str]:
    """Return every block of the page by its name."""
    return {
        "machine": _machine(figures),
        "goals": goals_table(figures),
        "ceiling": _ceiling(figures),
        "limits": limits_block(figures.limits),
        "peers": _peers(figures),
        "sweep": _sweep(figures),
        "where": _where(figures),
        "steps": _steps(figures),
        "startup": _startup(figures),
        "prepare": _prepare(figures),
        "gateway": _gateway(figures),
        "instances": _instances(figures),
    }


def _machine(figures: Figures) -> str:
    machines = {
        name: record.machine
        for name in ("ceiling", "limits", "peers", "sweep", "steps")
        if (record := getattr(figures, name)) is not None
    }
    if not machines:
        return not_measured("make bench")
    lines = [f"- {name}: {taken_on(machine)}" for name, machine in machines.items()]
    versions = next(iter(machines.values())).versions
    return "\n".join([*lines, f"- versions: {', '.join(f'{name} {number}' for name, number in versions.items())}"])


def _ceiling(figures: Figures) -> str:
    if figures.ceiling is None:
        return not_measured("wrinkle bench ceiling")
    parts = []
    for name, case in figures.ceiling.cases.items():
        loads = [
            (
                f"ensemble, concurrency {load}",
                f"{median(seen.throughput_hz):.3f}",
                f"{median(seen.p50_ms):.0f}",
                f"{seen.of_ceiling:.3f}",
            )
            for load, seen in case.loads.items()
        ]
        unloaded_ms, single_ms = median(case.unloaded_ms), median(case.single_ms)
        rows = [(f"bare network, {way}", f"{hz:.3f}", NONE, NONE) for way, hz in case.ways.items()]
        rows += [("bare network, one at a time", f"{1e3 / single_ms:.3f}", f"{single_ms:.0f}", NONE)]
        rows += [("ensemble, one caller", f"{1e3 / unloaded_ms:.3f}", f"{unloaded_ms:.0f}", NONE)]
        rows += [
            ("of it the network", NONE, f"{median(case.inside_ms):.0f}", f"{1 / case.inside_of_alone:.3f}"),
            *loads,
        ]
        parts += [
            f"**{name}** ({case.network}, {case.gflop:.0f} GFLOP; best way {case.best.name}:"
            f" {case.tflops:.2f} TFLOP/s):",
            markdown_table(("", "answers/s", "p50 ms", "÷ bare network"), rows),
        ]
    return "\n\n".join([*parts, taken_on(figures.ceiling.machine)])


def _peers(figures: Figures) -> str:
    if figures.peers is None:
        return not_measured("wrinkle bench peers")
    parts = []
    for name, case in figures.peers.cases.items():
        parts += [f"**{name}** ({case.network}, concurrency {case.concurrency}):", _comparison(case)]
    picture = "![Throughput of each system](images/performance-peers.svg)"
    return "\n\n".join([*parts, picture, taken_on(figures.peers.machine)])


def _comparison(case: Comparison) -> str:
    rows = []
    for name, peer in case.peers.items():
        rows.append(
            (
                peer.title,
                f"{median(peer.throughput_hz):.3f}",
                f"{median(peer.p50_ms):.0f}",
                NONE if name == OURS else f"{case.times_faster(name):.1f}",
                f"{peer.ready_after_s:.0f}",
                f"{peer.agreement.max_difference:.4f}",
                f"{peer.agreement.mask_iou:.4f}",
            )
        )
    ceiling = f"bare OpenVINO, no server ({case.ceiling.name})"
    rows.append((ceiling, f"{median(case.ceiling_hz):.3f}", NONE, f"{case.of_ceiling:.3f}", NONE, NONE, NONE))
    head = ("system", "answers/s", "p50 ms", "ours ÷ it", "start s", "largest Δp", "mask IoU")
    return markdown_table(head, rows)


def _sweep(figures: Figures) -> str:
    if figures.sweep is None:
        return not_measured("wrinkle bench sweep")
    rows = [
        (
            done.case.model_name,
            done.case.protocol,
            str(done.case.side_px),
            str(done.case.concurrency),
            f"{done.seen.throughput_hz:.2f}",
            f"{done.seen.p50_ms:.1f}",
            f"{done.seen.p95_ms:.1f}",
            f"{done.seen.p99_ms:.1f}",
        )
        for done in figures.sweep.cases.values()
    ]
    head = ("model", "over", "photo px", "concurrency", "answers/s", "p50 ms", "p95 ms", "p99 ms")
    weights = figures.sweep.settings.get("weights", "")
    pictures = (
        "![Throughput and latency by concurrency](images/performance-throughput-by-concurrency.svg)",
        "![What a larger photograph costs](images/performance-latency-by-image-size.svg)",
    )
    table = markdown_table(head, rows)
    return "\n\n".join([f"Weights: {weights}.", table, *pictures, taken_on(figures.sweep.machine)])


def _where(figures: Figures) -> str:
    if figures.sweep is None:
        return not_measured("wrinkle bench sweep")
    rows = []
    for done in figures.sweep.cases.values():
        if _central(done):
            for name, step in done.seen.steps.items():
                cells = (step.queue_ms, step.copy_in_ms, step.compute_ms, step.copy_out_ms)
                rows.append((f"{done.case.model_name}, {name}", *(f"{cell:.2f}" for cell in cells)))
            rows.append((f"{done.case.model_name}, between", NONE, NONE, f"{done.seen.between_ms:.2f}", NONE))
    table = markdown_table(("mean ms per request", "queue", "copy in", "compute", "copy out"), rows)
    return f"{table}\n\n![Where the time of a request goes](images/performance-where-the-time-goes.svg)"


def _central(done: Measured) -> bool:
    case = done.case
    centre = (case.protocol, case.concurrency, case.side_px) == ("grpc", CENTRE_CONCURRENCY, CENTRE_PX)
    return centre and len(done.seen.steps) > 1


def _steps(figures: Figures) -> str:
    if figures.steps is None:
        return not_measured("wrinkle bench steps")
    rows = [
        (
            case.segmenter,
            f"{case.side_px}² ({case.photo_bytes / 1e6:.1f} MB)",
            f"{case.times.preprocess.processor_ms:.1f}",
            f"{case.times.threshold.processor_ms:.1f} ({case.times.marked[0]:.1%})",
            f"{case.processor_ms:.1f}",
            f"{case.times.threshold_of_many_marks.processor_ms:.1f} ({case.times.marked[1]:.1%})",
            f"{case.processor_ms_of_many_marks:.1f}",
        )
        for case in figures.steps.cases.values()
    ]
    head = (
        "segmenter",
        "JPEG",
        "preprocess, processor ms",
        "threshold (skin marked)",
        "together",
        "threshold, many marks (skin marked)",
        "together",
    )
    return "\n\n".join([markdown_table(head, rows), taken_on(figures.steps.machine)])


def _startup(figures: Figures) -> str:
    if figures.startup is None:
        return not_measured("wrinkle bench startup")
    rows = [
        (", ".join(case.segmenters), f"{median(case.ready_after_s):.1f}", f"{max(case.ready_after_s):.1f}")
        for case in figures.startup.cases.values()
    ]
    return markdown_table(("served", "median s", "slowest s"), rows)


def _prepare(figures: Figures) -> str:
    if figures.prepare is None:
        return not_measured("wrinkle bench prepare")
    rows = [
        (
            f"{case.segmenter}, {case.side_px}²",
            f"{median(case.seen.base_ms):.0f}",
            f"{median(case.seen.other_ms):.0f}",
            f"{case.seen.latency_ratio:.2f}",
            f"{case.seen.throughput_ratio:.2f}",
            f"{case.photo_bytes / 1e3:.0f}",
            f"{case.prepared_bytes / 1e3:.0f}",
        )
        for case in figures.prepare.cases.values()
    ]
    head = (
        "photograph",
        "server p50 ms",
        "client p50 ms",
        "latency ratio",
        "throughput ratio",
        "kB sent",
        "kB sent, client",
    )
    return "\n\n".join([markdown_table(head, rows), taken_on(figures.prepare.machine)])


def _gateway(figures: Figures) -> str:
    if figures.gateway is None:
        return not_measured("wrinkle bench gateway")
    rows = [
        (
            f"{case.protocol}, {case.side_px}² ({case.photo_bytes / 1e6:.2f} MB)",
            f"{median(case.seen.base_ms):.1f}",
            f"{median(case.seen.other_ms):.1f}",
            f"{case.seen.added_ms:+.2f}",
            f"{case.seen.latency_ratio:.3f}",
            f"{case.seen.throughput_ratio:.3f}",
        )
        for case in figures.gateway.cases.values()
    ]
    head = ("photograph", "direct p50 ms", "gateway p50 ms", "added ms", "latency ratio", "throughput ratio")
    return "\n\n".join([markdown_table(head, rows), taken_on(figures.gateway.machine)])


def _instances(figures: Figures) -> str:
    if figures.instances is None:
        return not_measured("wrinkle bench instances")
    rows = [
        (
            name,
            str(case.concurrency),
            f"{case.seen.throughput_hz:.2f}",
            f"{case.seen.p50_ms:.0f}",
            f"{case.seen.p99_ms:.0f}",
        )
        for name, case in figures.instances.cases.items()
    ]
    settings = figures.instances.settings
    table = markdown_table(("deployment", "concurrency", "answers/s", "p50 ms", "p99 ms"), rows)
    return f"{settings.get('model', '')}, {settings.get('weights', '')} weights.\n\n{table}"
