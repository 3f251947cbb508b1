"""Ten times the capacity: refusals are typed and prompt, what is accepted is answered in time, and nothing grows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from figures import Figures
from supervised_server import HOST, Supervise, Supervised
from traffic import generate
from wrinkle_core.contract import segmenter
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_export.repository.deployment import Deployment
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = [pytest.mark.live, pytest.mark.alone]

MAX_WAITING = 4
MAX_WAIT_S = 3.0
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def server(supervise: Supervise, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    """Serve the shipped ``unetpp`` with a short queue."""
    folder = tmp_path_factory.mktemp("overload")
    deployment = Deployment("openvino", max_waiting=MAX_WAITING)
    repository = assemble_repository(folder / "repository", chosen_networks("unetpp"), deployment)
    with supervise(repository) as running:
        yield running


def seconds_of_one(server: Supervised, photo: bytes) -> float:
    began_s = time.perf_counter()
    infer_raw(HOST, server.http_port, segmenter("unetpp").ensemble, photo, PATIENCE_S)
    return time.perf_counter() - began_s


def resident_bytes(server: Supervised) -> int:
    process = psutil.Process(server.supervisor.server.process_id)
    memories = [each.memory_info() for each in (process, *process.children()) if each.status() != psutil.STATUS_ZOMBIE]
    return sum(memory.rss - memory.shared for memory in memories)


@pytest.mark.parametrize("duration_s", [20.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_ten_times_the_capacity(
    duration_s: float, server: Supervised, photo_file: Path, tmp_path: Path, figures: Figures
) -> None:
    photo = photo_file.read_bytes()
    unloaded_s = np.array([seconds_of_one(server, photo) for _ in range(20)])
    began_s = time.perf_counter()
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda _: seconds_of_one(server, photo), range(24)))
    capacity_hz = 24 / (time.perf_counter() - began_s)
    before_bytes = resident_bytes(server)
    url = f"http://{HOST}:{server.http_port}"
    generator = generate(
        url,
        "wrinkle_unetpp",
        photo_file,
        tmp_path / "traffic.json",
        rate_hz=10 * capacity_hz,
        duration_s=duration_s,
        timeout_s=PATIENCE_S,
    )
    most_bytes = before_bytes
    while generator.at_work():
        most_bytes = max(most_bytes, resident_bytes(server))
        time.sleep(0.2)
    traffic = generator.finish()
    ended_s = time.perf_counter()
    afterwards_s = [seconds_of_one(server, photo) for _ in range(10)]
    normal_after_s = time.perf_counter() - ended_s
    outcomes = traffic.outcomes()
    answered_s, refused_s = traffic.seconds(), traffic.seconds("OVERLOADED")
    unloaded_p99_s = float(np.percentile(unloaded_s, 99))
    found = {
        "capacity_hz": round(capacity_hz, 2),
        "sent": len(traffic.samples),
        "sent_hz": round(len(traffic.samples) / duration_s, 1),
        "outcomes": dict(outcomes),
        "answered_hz": round(outcomes["answered"] / traffic.wall_s, 2),
        "unloaded_p99_s": round(unloaded_p99_s, 3),
        "answered_p50_s": round(float(np.percentile(answered_s, 50)), 3),
        "answered_p99_s": round(float(np.percentile(answered_s, 99)), 3),
        "refused_p50_s": round(float(np.percentile(refused_s, 50)), 4),
        "refused_p99_s": round(float(np.percentile(refused_s, 99)), 3),
        "generator_cpu_share": round(traffic.generator_cpu_s / traffic.wall_s / len(os.sched_getaffinity(0)), 3),
        "memory_growth": round(most_bytes / before_bytes - 1, 3),
        "normal_after_s": round(normal_after_s, 2),
    }
    figures(**found)
    assert set(outcomes) == {"answered", "OVERLOADED"}
    assert len({sample.mask for sample in traffic.samples if sample.mask}) == 1
    assert np.percentile(answered_s, 99) < 2 * unloaded_p99_s + MAX_WAIT_S
    assert np.percentile(refused_s, 99) < 1.0
    assert most_bytes < 2 * before_bytes
    assert normal_after_s < 5.0
    assert np.median(afterwards_s) < 2 * np.median(unloaded_s)
    assert not server.reasons()
    assert not server.counted('wrinkle_restarts_total{reason="silent"}')
