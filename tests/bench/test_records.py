"""Figures on disk: what a run that ended early finds again, and what it refuses to go on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import wrinkle_bench.records as records
from wrinkle_bench.ceiling.bare_network import Way
from wrinkle_bench.machine import Machine, this_machine
from wrinkle_bench.records import Notebook, read_record
from wrinkle_core.errors import ArtifactError


def test_a_run_goes_on_with_what_was_measured_before(tmp_path: Path) -> None:
    path, way = tmp_path / "ways.json", Way("LATENCY", "f32")
    Notebook(path, Way, {"runs": "3"}).add("first", way)
    again = Notebook(path, Way, {"runs": "3"})
    assert "first" in again
    assert "second" not in again
    again.add("second", replace(way, streams=2))
    record = read_record(path, Way)
    assert record is not None
    assert record.cases == {"first": way, "second": replace(way, streams=2)}


def test_other_settings_and_fresh_begin_anew_or_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ways.json"
    Notebook(path, Way, {"runs": "3"}).add("first", Way("LATENCY", "f32"))
    with pytest.raises(ArtifactError, match=r"pairs was not noted, now 8; runs was 3, now 4\. Give --fresh"):
        Notebook(path, Way, {"runs": "4", "pairs": "8"})
    assert "first" not in Notebook(path, Way, {"runs": "4"}, fresh=True)


def test_figures_of_another_machine_are_not_added_to(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ways.json"
    monkeypatch.setattr(records, "this_machine", lambda: machine)
    Notebook(path, Way, {}).add("first", Way("LATENCY", "f32"))
    monkeypatch.undo()
    with pytest.raises(ArtifactError, match="machine was Testium, 2 cores, avx2, now "):
        Notebook(path, Way, {})


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ways.json"
    path.write_text('{"cases": 3}', encoding="utf-8")
    with pytest.raises(ArtifactError, match="another form"):
        read_record(path, Way)
    assert read_record(tmp_path / "none.json", Way) is None


def test_this_machine_tells_what_a_figure_depends_on() -> None:
    here = this_machine()
    assert here.cores >= 1
    assert here.processor
    assert {"openvino", "numpy", "wrinkle-serving"} <= here.versions.keys()
    assert here.memory_gib > 0.5
