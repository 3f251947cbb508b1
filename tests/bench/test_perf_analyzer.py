"""Reading what perf_analyzer and Triton report, and taking the program out of its wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import wrinkle_bench.perf_analyzer.installation as installation
from wrinkle_bench.perf_analyzer.measurement import StepTimes, read_csv
from wrinkle_bench.perf_analyzer.statistics import Counters, step_times
from wrinkle_core.errors import ArtifactError, ServerFaultError

CSV = (
    "Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input,"
    "Server Compute Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,p99 latency,"
    "Avg latency,request/response,response wait\n"
    "2,4.74246,33,182527,2,364,225612,1820,4,427303,477853,482803,517762,410364,37,410285\n"
)


def test_a_report_is_read_in_milliseconds() -> None:
    seen = read_csv(CSV, {"unetpp": StepTimes(38, 179.5, 0.1, 173.9, 0.7)})
    assert seen.throughput_hz == 4.74246
    assert (seen.p50_ms, seen.p90_ms, seen.p95_ms, seen.p99_ms) == pytest.approx((427.303, 477.853, 482.803, 517.762))
    assert seen.between_ms == pytest.approx(410.364 - 354.2)


@pytest.mark.parametrize(
    "text",
    ["", CSV.splitlines()[0], CSV + CSV.splitlines()[1], CSV.replace("p99 latency", "p98"), CSV.replace("33", "?")],
    ids=["nothing", "no line", "two lines", "another column", "no number"],
)
def test_a_report_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ArtifactError):
        read_csv(text, {})


def test_step_times_are_means_of_what_happened_between_two_readings() -> None:
    before = {"a": Counters(10, 1, (0, 0, 1_000_000, 0)), "idle": Counters(3, 0, (1, 1, 1, 1))}
    after = {"a": Counters(14, 1, (8_000_000, 400_000, 41_000_000, 0)), "idle": Counters(3, 0, (1, 1, 1, 1))}
    assert step_times(before, after) == {"a": StepTimes(4, 2.0, 0.1, 10.0, 0.0)}


def test_a_failed_request_spoils_a_measurement() -> None:
    before, after = {"a": Counters(0, 0, (0, 0, 0, 0))}, {"a": Counters(4, 2, (0, 0, 0, 0))}
    with pytest.raises(ServerFaultError, match="2 requests of a failed"):
        step_times(before, after)


def test_another_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "bench_cache", lambda: tmp_path / "cache")
    wheel = tmp_path / "tritonclient-2.51.0-py3-none-manylinux1_x86_64.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tritonclient-2.51.0.data/data/bin/perf_analyzer", "not it")
    with pytest.raises(ArtifactError, match="not the wheel expected"):
        installation.install_perf_analyzer(from_wheel=wheel)
    assert not list((tmp_path / "cache").rglob("perf_analyzer"))
