"""The simulation against two real servers, each pinned to one core, under the same arrivals.

Service times are measured before and after each load, on both servers at once, as they are under it: two cores that
share a memory, or a physical core, slow each other down. Loads and measurements take turns, so that a machine that
becomes slower or faster does so for both. Strangers' photographs show latency; a crowd that comes at once, so that no
server is idle until the end, shows throughput: at part load every simulation gives back the rate that it was given.

A load during which others used the machine, or around which the service times changed, says nothing and is made again;
whether it agreed is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from compared_load import ComparedLoad, MachineUse, figures_apart, interval
from figures import Figures
from traffic import Traffic, generate_at
from wrinkle_core.contract import segmenter
from wrinkle_core.errors import ServerFaultError
from wrinkle_scaling.arrivals.patterns import Constant, poisson_arrivals
from wrinkle_scaling.cluster.spec import ClusterSpec, ColdStart, GatewaySpec
from wrinkle_scaling.commands import app
from wrinkle_scaling.measuring.measure import Measurement, measure, profile_of
from wrinkle_scaling.measuring.statistics import TritonStatistics
from wrinkle_scaling.replica.profile import ReplicaProfile, read_profile
from wrinkle_scaling.scenario import Scenario
from wrinkle_scaling.simulation import simulate
from wrinkle_server.triton.model_server import ModelServer

pytestmark = [pytest.mark.live, pytest.mark.alone]

SPEC = segmenter("unetpp")
UTILISATION = 0.55
AGREEMENT = 0.15
SIMULATED_RUNS = 20
DISTURBED = 0.1  # of the machine used by others, or by which the service times changed
MADE_AGAIN = 3


@pytest.fixture
def photo_file(grace_hopper_jpeg: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "grace_hopper.jpg"
    path.write_bytes(grace_hopper_jpeg)
    return path


def measured(servers: tuple[ModelServer, ...], photo: bytes, runs: int) -> Measurement:
    """Measure all servers at the same time and take their times together."""
    with ThreadPoolExecutor(len(servers)) as callers:
        found = callers.map(
            lambda server: measure(server.options.host, server.options.http_port, SPEC, photo, runs=runs), servers
        )
        return reduce(Measurement.joined, found)


def profile(server: ModelServer, measurement: Measurement) -> ReplicaProfile:
    with TritonStatistics(server.options.host, server.options.http_port, SPEC) as statistics:
        bounds = statistics.bounds(admission=False)
        return profile_of(
            measurement, statistics, bounds, cores=1, name="one core", origin="measured by this test just now"
        )


def simulated(one: ReplicaProfile, replicas: int, arrivals_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (runs, photographs) latencies of simulations of the same arrivals, which differ in the times drawn."""
    cluster = ClusterSpec(cold_start=ColdStart(server_start_s=0.0), gateway=GatewaySpec(choices=16, tries=1))
    scenario = Scenario("live", one, float(arrivals_s[-1]) + 1e-6, arrivals_s, replicas, cluster)
    return np.stack([simulate(scenario, seed).latencies_s() for seed in range(SIMULATED_RUNS)])


@dataclass(frozen=True)
class Repetition:
    """One load between two measurements, and the crowd after it."""

    load: ComparedLoad
    crowd_hz: float
    simulated_crowd_hz: float
    service_change: float
    others_share: float
    generator_share: float
    core_s_per_photo: float

    @property
    def disturbed(self) -> bool:
        return abs(self.service_change) > DISTURBED or self.others_share > DISTURBED


class TwoServers:
    """Two servers under load, and the simulation of two."""

    def __init__(self, servers: tuple[ModelServer, ...], photo_file: Path, folder: Path, runs: int) -> None:
        self._servers = servers
        self._photo_file = photo_file
        self._folder = folder
        self._runs = runs
        self._urls = [f"http://{server.options.host}:{server.options.http_port}" for server in servers]

    def repetitions(self, duration_s: float, crowd: int) -> Iterator[Repetition]:
        """Yield one repetition after the other, each with arrivals of its own."""
        before, seed = self._measured(), 0
        while True:
            rate_hz = UTILISATION * len(self._servers) * profile(self._servers[0], before).capacity_hz()
            pattern = Constant(kind="constant", rate_hz=rate_hz)
            arrivals_s = poisson_arrivals(pattern, duration_s, np.random.default_rng(seed))
            used = MachineUse.now(self._servers)
            traffic = self._traffic(arrivals_s)
            together = self._traffic(np.zeros(crowd))
            used = MachineUse.now(self._servers).since(used)
            after = self._measured()
            one = profile(self._servers[0], before.joined(after))
            wall_s = traffic.wall_s + together.wall_s
            generator_s = traffic.generator_cpu_s + together.generator_cpu_s
            crowd_s = simulated(one, len(self._servers), np.zeros(crowd)).max(axis=1)
            yield Repetition(
                ComparedLoad(arrivals_s, traffic.seconds(), simulated(one, len(self._servers), arrivals_s)),
                crowd / max(sample.sent_s + sample.seconds for sample in together.samples),
                crowd / float(np.mean(crowd_s)),
                float(np.mean(after.latencies_s) / np.mean(before.latencies_s)) - 1.0,
                max(0.0, used.machine_s - used.servers_s - generator_s) / used.at_s / len(self._servers),
                generator_s / wall_s / len(self._servers),
                used.servers_s / (arrivals_s.size + crowd),
            )
            before, seed = after, seed + 1

    def _measured(self) -> Measurement:
        return measured(self._servers, self._photo_file.read_bytes(), self._runs)

    def _traffic(self, arrivals_s: NDArray[np.float64]) -> Traffic:
        out = self._folder / "traffic.json"
        traffic = generate_at(
            arrivals_s.tolist(), self._urls, SPEC.ensemble, self._photo_file, out, timeout_s=60.0
        ).finish()
        assert set(traffic.outcomes()) == {"answered"}
        assert len({sample.mask for sample in traffic.samples}) == 1
        return traffic


SHORT = pytest.param(6, 16.0, 5, ("p50", "p95", "throughput"), id="short")
LONG = pytest.param(
    6, 20.0, 10, ("p50", "p95", "throughput"), marks=[pytest.mark.slow, pytest.mark.timeout(900)], id="long"
)


@pytest.mark.parametrize(("wanted", "duration_s", "runs", "judged"), [SHORT, LONG])
def test_latency_and_throughput_are_those_of_two_real_servers(
    wanted: int,
    duration_s: float,
    runs: int,
    judged: tuple[str, ...],
    two_servers: tuple[ModelServer, ...],
    photo_file: Path,
    tmp_path: Path,
    figures: Figures,
) -> None:
    every: list[Repetition] = []
    for repetition in TwoServers(two_servers, photo_file, tmp_path, runs).repetitions(duration_s, crowd=16):
        every.append(repetition)
        quiet = [each for each in every if not each.disturbed]
        if len(quiet) == wanted or len(every) == wanted + MADE_AGAIN:
            break
    used = quiet if len(quiet) == wanted else every  # a machine that is never quiet is judged by all that was seen
    found = figures_apart([each.load for each in used])
    crowds = {
        name: float(np.mean([getattr(each, name) for each in used])) for name in ("crowd_hz", "simulated_crowd_hz")
    }
    found |= crowds | {"throughput_apart": crowds["simulated_crowd_hz"] / crowds["crowd_hz"] - 1.0}
    intervals = {name: interval([each.load for each in used], name) for name in ("p50", "p95")}
    figures(
        **{name: round(value, 4) for name, value in found.items()},
        **{f"{name}_apart_95": [round(edge, 3) for edge in edges] for name, edges in intervals.items()},
        photographs=sum(each.load.live_s.size for each in used),
        repetitions=len(used),
        disturbed=len(every) - len(quiet),
        service_changes=[round(each.service_change, 3) for each in every],
        others_shares=[round(each.others_share, 3) for each in every],
        generator_share=round(max(each.generator_share for each in used), 4),
        core_s_per_photo=round(float(np.mean([each.core_s_per_photo for each in used])), 4),
    )
    for name in judged:
        assert abs(found[f"{name}_apart"]) <= AGREEMENT, found
    for low, high in intervals.values():
        assert low <= AGREEMENT, found
        assert high >= -AGREEMENT, found
    assert max(each.generator_share for each in used) < 0.05


def test_a_servers_times_become_a_profile(
    two_servers: tuple[ModelServer, ...], photo_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "profile.json"
    port = str(two_servers[0].options.http_port)
    words = ["measure", str(photo_file), "--cores", "1", "--runs", "3", "--http-port", port, "--out", str(out)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    found = read_profile(out)
    assert found.measured
    assert [step.name for step in found.steps] == ["front_end", "skin_mask", "unetpp", "threshold"]
    assert all(len(step.seconds[1]) == 3 for step in found.steps)
    assert found.segment.mean_s() > found.preprocess.mean_s() > 0.001
    assert (found.segment.share, found.preprocess.instances, found.bounds.max_waiting) == (1.0, 1, 16)
    assert f"{found.capacity_hz():.2f} a second" in result.stdout


def test_a_server_that_somebody_else_uses_is_not_measured(
    two_servers: tuple[ModelServer, ...], photo_file: Path
) -> None:
    options, photo = two_servers[0].options, photo_file.read_bytes()
    with ThreadPoolExecutor(1) as stranger:
        asking = stranger.submit(measure, options.host, options.http_port, SPEC, photo, runs=12)
        with pytest.raises(ServerFaultError, match="Somebody else"):
            measure(options.host, options.http_port, SPEC, photo, runs=6)
        assert isinstance(asking.exception(), ServerFaultError)
