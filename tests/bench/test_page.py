"""The page: tables between markers, goals with a verdict, and whether what is committed fits its figures."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
from typer.testing import CliRunner

from wrinkle_bench.ceiling.bare_network import Way
from wrinkle_bench.ceiling.run import AgainstCeiling, UnderLoad
from wrinkle_bench.commands.bench import app
from wrinkle_bench.machine import Machine
from wrinkle_bench.page.blocks import page_blocks
from wrinkle_bench.page.drawings import drawings
from wrinkle_bench.page.figures import Figures, read_figures
from wrinkle_bench.page.markers import filled_page
from wrinkle_bench.peers.comparison import Comparison, PeerFigures
from wrinkle_bench.peers.equality import Agreement
from wrinkle_bench.perf_analyzer.measurement import Measurement, StepTimes
from wrinkle_bench.processor_limits.limits import Peak, Reached, SegmenterLimits
from wrinkle_bench.records import Record
from wrinkle_bench.sweep.plan import Plan, sweep_cases
from wrinkle_bench.sweep.run import Measured
from wrinkle_core.contract import SEGMENTERS, model, segmenter
from wrinkle_core.errors import ArtifactError

ROOT = Path(__file__).resolve().parent.parent.parent
WAY = Way("LATENCY", "f32")
NOTHING = Figures(*[None] * 9)


def measurement(model_name: str, throughput_hz: float) -> Measurement:
    steps = {step.model_name: StepTimes(9, 1.0, 0.5, 20.0, 0.5) for step in model(model_name).steps}
    return Measurement(throughput_hz, 70.0, 80.0, 90.0, 100.0, 71.0, 0.1, 0.1, steps)


@pytest.fixture
def figures(machine: Machine) -> Figures:
    loads = {
        2: UnderLoad((1.9, 1.8), (1000.0, 1100.0), (2.0, 2.0)),
        4: UnderLoad((1.98,), (2000.0,), (2.0,)),
        16: UnderLoad((1.98,), (8000.0,), (2.0,)),
    }
    against = AgainstCeiling(
        "n", 461.0, 1024, 5.0, {WAY.name: 2.0}, WAY, (500.0, 500.0), (510.0, 520.0), (500.0, 500.0), loads
    )
    right = Agreement(0.004, 1e-5, 1.0)
    peers = {
        "ensemble": PeerFigures("ours", "openvino-bf16", right, 5.0, (2.0, 2.0), (1000.0,)),
        "torchserve": PeerFigures("TorchServe", "openvino-f32", right, 9.0, (0.25, 0.2), (8000.0,)),
    }
    limits = SegmenterLimits(
        "n",
        500.0,
        0.1,
        Reached("as served", "bf16", (2.0, 2.0)),
        {"int8": Reached("INT8", "int8", (2.6, 2.8)), "torch": Reached("torch", "f32", (0.4, 0.4))},
        (Peak("bf16", "convolution", (1.2, 1.25)), Peak("int8", "convolution", (2.0,)), Peak("f32", "product", (0.5,))),
    )
    cases = [case for spec in SEGMENTERS for case in sweep_cases(spec, Plan())]
    return Figures(
        sweep=Record(machine, {}, {case.name: Measured(case, measurement(case.model_name, 5.0)) for case in cases}),
        ceiling=Record(machine, {}, {"unetpp": against}),
        limits=Record(machine, {}, {"unetpp": limits, "unet_texture": limits}),
        peers=Record(machine, {}, {"unetpp": Comparison("n", 1024, 2, peers, WAY, (2.1, 2.1))}),
        steps=None,
        startup=None,
        prepare=None,
        gateway=None,
        instances=None,
    )


def test_text_between_markers_is_replaced_and_nothing_else() -> None:
    page = "before\n<!-- figures: one -->\nold\n<!-- end -->\nafter\n"
    assert filled_page(page, {"one": "new"}) == "before\n<!-- figures: one -->\nnew\n<!-- end -->\nafter\n"
    assert filled_page(filled_page(page, {"one": "new"}), {"one": "newer"}).count("new") == 1


def test_a_block_without_a_place_is_refused() -> None:
    with pytest.raises(ArtifactError, match="two"):
        filled_page("<!-- figures: one -->\n<!-- end -->\n", {"one": "1", "two": "2"})


def test_goals_get_their_verdicts(figures: Figures) -> None:
    rows = {line.split("|")[1].strip(): line for line in page_blocks(figures)["goals"].splitlines()}
    assert "0.93 | ≥ 0.95 | — | **missed**" in rows["unetpp, ensemble ÷ bare network, concurrency 2"]
    assert "0.99 | ≥ 0.97 | — | met" in rows["unetpp, ensemble ÷ bare network, concurrency 4"]
    assert "9.0 | ≥ 7 | 5.0 | met" in rows["unetpp, ensemble ÷ torchserve"]
    added = rows["unetpp, unloaded p50 less its network, 1024² JPEG"]
    assert "15 ms (10 ms to 20 ms) | ≤ 15 ms | — | **not settled**" in added
    assert (
        "0.92 | ≥ 1.5 | 1.25 | **missed**: out of reach here, 74% of the most" in rows["bare network, unetpp, TFLOP/s"]
    )
    out_of_reach = "1.35 | ≥ 1.8 | 1.42 | **missed**: out of reach here, 95% of the most"
    assert out_of_reach in rows["bare network, unet_texture, INT8 ÷ as served"]
    assert "not measured" in rows["unet_texture, ensemble ÷ torchserve"]


def test_a_network_is_shown_beside_the_processors_peak_in_its_precision(figures: Figures) -> None:
    block = page_blocks(figures)["limits"]
    assert "5.0 times as fast as torch in FP32. INT8 runs 1.35 times as fast" in block
    assert "with 10% of the operations in FP32 in both, 1.42 times is what" in block
    assert "| network, as served | 2.000 | 1.00 | 80% of bf16 |" in block
    assert "| network, torch | 0.400 | 0.20 | 40% of f32 |" in block
    assert "| processor, bf16, convolution | — | 1.25 | — |" in block


def test_what_was_not_measured_names_the_command() -> None:
    blocks = page_blocks(NOTHING)
    assert "`wrinkle bench peers`" in blocks["peers"]
    assert "met |" not in blocks["goals"]
    assert drawings(NOTHING) == {}


def test_steps_queues_copies_and_the_rest_make_up_a_request(figures: Figures) -> None:
    assert figures.sweep is not None
    done = figures.sweep.cases["unetpp.wrinkle_unetpp.grpc.1024px.c2"]
    parts = [step.total_ms for step in done.seen.steps.values()]
    assert sum(parts) + done.seen.between_ms == pytest.approx(done.seen.mean_ms)


def test_the_same_figures_are_drawn_in_the_same_bytes(figures: Figures) -> None:
    first, second = drawings(figures), drawings(figures)
    assert first == second
    assert len(first) == 4
    for name, picture in first.items():
        assert picture.lstrip().startswith(b"<?xml"), name
    assert b"ensemble" in first["performance-peers.svg"]


def test_ratios_are_medians_of_pairs(figures: Figures) -> None:
    assert figures.peers is not None
    case = figures.peers.cases["unetpp"]
    assert case.times_faster("torchserve") == pytest.approx(median((8.0, 10.0)))


def test_the_committed_page_fits_the_committed_figures() -> None:
    page, results = ROOT / "docs/performance.md", ROOT / "bench/results"
    written = page.read_text(encoding="utf-8")
    figures = read_figures(results)
    assert filled_page(written, page_blocks(figures)) == written, "run `wrinkle bench report`"
    for name, picture in drawings(figures).items():
        assert (ROOT / "docs/images" / name).read_bytes() == picture, f"run `wrinkle bench report` for {name}"


def test_the_command_writes_what_it_then_finds_up_to_date(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    page.write_text(text.replace("Not measured yet", "Measured"), encoding="utf-8")
    options = ["--results", str(tmp_path), "--page", str(page), "--images", str(tmp_path)]
    assert CliRunner().invoke(app, ["report", *options]).exit_code == 0
    assert "Up to date" in CliRunner().invoke(app, ["report", "--check", *options]).output
    page.write_text(page.read_text(encoding="utf-8").replace("Not measured yet", "Measured"), encoding="utf-8")
    refused = CliRunner().invoke(app, ["report", "--check", *options])
    assert isinstance(refused.exception, ArtifactError)


def test_every_segmenter_of_the_contract_has_its_goals() -> None:
    goals = page_blocks(NOTHING)["goals"]
    assert all(segmenter(spec.name).name in goals for spec in SEGMENTERS)
