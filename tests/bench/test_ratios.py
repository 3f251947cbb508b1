"""Comparing ratios with committed ones, and what the command does when one moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import wrinkle_bench.commands.smoke as smoke_command
from wrinkle_bench.baseline.ratios import RATIOS, Baseline, compare_ratios, read_baseline, write_baseline
from wrinkle_bench.commands.bench import app
from wrinkle_bench.machine import Machine
from wrinkle_core.errors import ArtifactError


@pytest.fixture
def baseline(machine: Machine) -> Baseline:
    return Baseline(machine, dict.fromkeys(RATIOS, 1.0))


@pytest.mark.parametrize("name", RATIOS)
def test_a_ratio_a_fifth_worse_is_named_with_its_step(baseline: Baseline, name: str) -> None:
    worse = 1.0 / 1.2 if RATIOS[name].more_is_better else 1.2
    (moved,) = compare_ratios(baseline, baseline.ratios | {name: worse})
    assert moved.worse_by == pytest.approx(0.2)
    assert name in str(moved)
    assert RATIOS[name].step in str(moved)


@pytest.mark.parametrize("name", RATIOS)
def test_a_tenth_worse_and_much_better_are_allowed(baseline: Baseline, name: str) -> None:
    more = RATIOS[name].more_is_better
    for now in (1.0 / 1.1 if more else 1.1, 3.0 if more else 0.3):
        assert compare_ratios(baseline, baseline.ratios | {name: now}) == []


def test_a_baseline_of_other_ratios_is_refused(baseline: Baseline) -> None:
    with pytest.raises(ArtifactError, match="differs in preprocess"):
        compare_ratios(baseline, {name: 1.0 for name in RATIOS if name != "preprocess"})


def test_a_baseline_reads_back_as_it_was_written(baseline: Baseline, tmp_path: Path) -> None:
    write_baseline(tmp_path / "baseline.json", baseline)
    assert read_baseline(tmp_path / "baseline.json") == baseline


def test_a_missing_baseline_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="--write-baseline"):
        read_baseline(tmp_path / "baseline.json")


@pytest.mark.parametrize(
    ("measurements", "exit_code", "measured"),
    [
        ([{}], 0, 1),
        ([{"threshold": 1.3}, {}], 0, 2),
        ([{"threshold": 1.3}, {"preprocess": 1.3}], 0, 2),
        ([{"threshold": 1.3}, {"threshold": 1.3}], 1, 2),
    ],
    ids=["as before", "not again", "another one", "twice"],
)
def test_only_what_moved_in_two_measurements_fails(
    baseline: Baseline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    measurements: list[dict[str, float]],
    exit_code: int,
    measured: int,
) -> None:
    write_baseline(tmp_path / "baseline.json", baseline)
    left = list(measurements)
    monkeypatch.setattr(smoke_command, "install_perf_analyzer", lambda **_: None)
    monkeypatch.setattr(smoke_command, "measured_ratios", lambda *_, **__: baseline.ratios | left.pop(0))
    result = CliRunner().invoke(app, ["smoke", "--baseline", str(tmp_path / "baseline.json")])
    assert result.exit_code == exit_code, result.output
    assert len(measurements) - len(left) == measured
    assert ("threshold is 30% worse" in result.output) == bool(exit_code)
