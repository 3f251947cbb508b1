"""The command line of the simulator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.commands import app
from wrinkle_scaling.planning.assumptions import read_assumptions
from wrinkle_scaling.planning.fleet import fleets

PACKAGE = Path(__file__).resolve().parents[2] / "k8s" / "wrinkle_scaling"
ASSUMPTIONS = PACKAGE / "planning" / "ten-thousand.yaml"


@pytest.fixture
def short_scenario(tmp_path: Path) -> Path:
    document = yaml.safe_load((PACKAGE / "scenarios" / "flash-crowd.yaml").read_text(encoding="utf-8"))
    document |= {"duration_s": 120, "profile": str(PACKAGE / "profiles" / "unetpp-two-cores.json")}
    document["load"]["pattern"] |= {"from_s": 30, "hold_s": 40}
    path = tmp_path / "short.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def test_a_run_gives_a_table_figures_and_a_picture(short_scenario: Path, tmp_path: Path) -> None:
    figures, picture = tmp_path / "run.json", tmp_path / "run.svg"
    command = ["run", str(short_scenario), "--json", str(figures), "--plot", str(picture)]
    result = CliRunner().invoke(app, command, catch_exceptions=False, env={"COLUMNS": "160"})
    assert result.exit_code == 0
    assert "measured figures" in result.stdout
    (document,) = json.loads(figures.read_text(encoding="utf-8"))
    assert document["arrived"] == document["answered"] + sum(document["refused"].values()) > 500
    assert document["curve"][0] == [0.0, 2, 2]
    before = picture.read_bytes()
    assert before.startswith(b"<?xml")
    CliRunner().invoke(app, command, catch_exceptions=False)
    assert picture.read_bytes() == before


def test_targets_are_tried_in_every_combination(short_scenario: Path) -> None:
    words = ["targets", str(short_scenario), "--target", "queue_time=0.1,0.3", "--target", "busy=none,0.7"]
    result = CliRunner().invoke(app, words, catch_exceptions=False, env={"COLUMNS": "160"})
    assert result.exit_code == 0
    for row in ("queue_time 0.1, busy none", "queue_time 0.3, busy 0.7"):
        assert row in result.stdout


@pytest.mark.parametrize(
    ("target", "message"), [("busy=lots", "numbers or none"), ("mood=1", "mood"), ("answered=1", "does not look at")]
)
def test_a_target_that_makes_no_sense_is_refused(short_scenario: Path, target: str, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        CliRunner().invoke(app, ["targets", str(short_scenario), "--target", target], catch_exceptions=False)


def test_a_picture_in_another_format_is_refused(short_scenario: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"\.svg or \.png"):
        CliRunner().invoke(app, ["run", str(short_scenario), "--plot", str(tmp_path / "a.gif")], catch_exceptions=False)


@pytest.mark.shared_data
def test_replay_shows_both_sequences_and_tells_them_apart(shared_data: Path, tmp_path: Path) -> None:
    recorded = shared_data / "hpa_trace.json"
    good = CliRunner().invoke(app, ["replay", str(recorded)])
    assert good.exit_code == 0
    assert "replayed  2 4 6 8 7 6 5 4 3" in good.stdout
    other = tmp_path / "other.json"
    document = json.loads(recorded.read_text(encoding="utf-8")) | {"observed_replicas_in_order": [2, 8, 3]}
    other.write_text(json.dumps(document), encoding="utf-8")
    assert CliRunner().invoke(app, ["replay", str(other)]).exit_code == 1


def test_a_plan_names_its_assumptions() -> None:
    result = CliRunner().invoke(app, ["plan", str(ASSUMPTIONS)], catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "assumed" in result.stdout
    assert "20.3 Gbit/s" in result.stdout


def test_a_fleet_is_what_its_figures_give() -> None:
    assumptions = read_assumptions(ASSUMPTIONS)
    for fleet in fleets(assumptions, 10_000.0):
        photo_core_s = assumptions.steps_core_s.value + assumptions.server_core_s.value
        photo_core_s += fleet.variant.network_s.value * fleet.variant.network_cores
        with_spare_hz = fleet.replica_hz * fleet.replicas
        assert 10_000.0 * 1.25 <= with_spare_hz < 10_000.0 * 1.25 + fleet.replica_hz
        assert fleet.replica_hz * photo_core_s <= 0.6 * fleet.variant.cores * (1 + 1e-9)
        if fleet.variant.gpus:
            assert fleet.replica_hz * fleet.variant.network_s.value <= 0.6 * fleet.variant.gpus * (1 + 1e-9)
        assert fleet.gpu_h_per_million * 36.0 == pytest.approx(fleet.gpus)  # a million a hundred seconds


def test_nothing_on_a_gpu_is_called_measured() -> None:
    for variant in read_assumptions(ASSUMPTIONS).variants:
        assert variant.network_s.measured == (variant.gpus == 0)
