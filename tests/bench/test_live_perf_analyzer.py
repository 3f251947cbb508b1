"""The real perf_analyzer on the session's server: every protocol, and every step by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from live_server import options_on_free_ports, serving
from wrinkle_bench.perf_analyzer.installation import PerfAnalyzer, install_perf_analyzer
from wrinkle_bench.perf_analyzer.run import Load, Protocol, measure
from wrinkle_bench.sweep.inputs import composing_inputs, photo_input
from wrinkle_core.contract import model, segmenter
from wrinkle_core.errors import ServerFaultError
from wrinkle_server.running import RunningServer
from wrinkle_server.supervision.canary import canary_photo
from wrinkle_server.triton.leftovers import SHARED_MEMORY
from wrinkle_server.triton.model_server import ModelServer

pytestmark = [pytest.mark.live, pytest.mark.alone]
SPEC = segmenter("unetpp")


@pytest.fixture(scope="module")
def program() -> PerfAnalyzer:
    return install_perf_analyzer()


@pytest.fixture(scope="module")
def running(live_server: ModelServer) -> RunningServer:
    return RunningServer.of(live_server, health_port=1, temporary=True)


@pytest.fixture
def open_to_shared_memory(small_repository: Path, tmp_path: Path) -> Iterator[RunningServer]:
    options = options_on_free_ports(small_repository, tmp_path / "triton.log", SPEC.name)
    with serving(replace(options, shared_memory_api=True)) as server:
        yield RunningServer.of(server, health_port=1, temporary=True)


@pytest.mark.parametrize(
    ("protocol", "server"), [("grpc", "running"), ("http", "running"), ("http+shm", "open_to_shared_memory")]
)
def test_an_ensemble_is_measured_over(
    program: PerfAnalyzer, protocol: Protocol, server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    load = Load(SPEC.ensemble, protocol, concurrency=2, window_requests=2)
    report = tmp_path / "report.csv"
    asked: RunningServer = request.getfixturevalue(server)
    seen = measure(program, asked, load, photo_input(canary_photo()), csv_path=report)
    assert seen.throughput_hz > 0
    assert seen.p50_ms <= seen.p90_ms <= seen.p95_ms <= seen.p99_ms
    assert seen.steps.keys() == {step.model_name for step in model(SPEC.ensemble).steps}
    assert all(step.requests >= 6 and step.compute_ms > 0 for step in seen.steps.values())
    assert "Inferences/Second" in report.read_text(encoding="utf-8")
    assert not (SHARED_MEMORY / "MASK_PNG").exists()


def test_every_step_is_measured_by_itself(program: PerfAnalyzer, running: RunningServer) -> None:
    inputs = composing_inputs(running, SPEC, canary_photo())
    for name, tensors in inputs.items():
        seen = measure(program, running, Load(name, "grpc", 1, 2), tensors)
        assert list(seen.steps) == [name]
        assert seen.p50_ms >= 0.5 * seen.steps[name].compute_ms


def test_a_photograph_that_the_server_refuses_is_no_measurement(program: PerfAnalyzer, running: RunningServer) -> None:
    with pytest.raises(ServerFaultError, match="perf_analyzer failed on wrinkle_unetpp"):
        measure(program, running, Load(SPEC.ensemble, "grpc", 1, 2), photo_input(b"no photograph"))
