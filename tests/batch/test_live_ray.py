"""``wrinkle on-ray`` on a real Ray of two workers against the real server; a worker is killed on the way."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from wrinkle_client.batch_run.manifest import read_entries
from wrinkle_client.exit_codes import ExitCode
from wrinkle_command import command_line
from wrinkle_server.triton.model_server import ModelServer

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(900)]

PHOTOGRAPHS = 120
SHARDS = 4
PARALLEL = 2


def served(url: str) -> int:
    """Return how many photographs the ensemble has answered."""
    with urllib.request.urlopen(f"{url}/v2/models/wrinkle_unetpp/stats", timeout=5) as answer:
        return int(json.load(answer)["model_stats"][0]["inference_stats"]["success"]["count"])


def worker_at_work(driver: psutil.Process, out: Path) -> psutil.Process | None:
    """Return a worker that holds the manifest of a shard in which something is done and something left."""
    for process in driver.children(recursive=True):
        try:
            held = [Path(file.path) for file in process.open_files() if file.path.endswith("manifest.jsonl")]
        except psutil.Error:
            continue
        if any(path.parent.parent == out and 1 <= path.read_bytes().count(b"\n") <= 5 for path in held):
            return process
    return None


def test_a_workers_death_costs_one_shards_retry_and_no_photograph(
    live_server: ModelServer, grace_hopper_jpeg: bytes, tmp_path: Path
) -> None:
    folder, out, url = (
        tmp_path / "in",
        tmp_path / "out",
        f"http://{live_server.options.host}:{live_server.options.http_port}",
    )
    folder.mkdir()
    (folder / "000.jpg").write_bytes(grace_hopper_jpeg)
    for number in range(1, PHOTOGRAPHS):
        os.link(folder / "000.jpg", folder / f"{number:03d}.jpg")
    ray = ("on-ray", "--address", "local", "--shard-count", str(SHARDS), "--at-a-time", "2")
    line = command_line(*ray, "segment", folder, "--out", out, "--url", url, "--parallel", str(PARALLEL))
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    before = served(url)

    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        victim, until_s = None, time.monotonic() + 200
        while victim is None and run.poll() is None and time.monotonic() < until_s:
            victim = worker_at_work(psutil.Process(run.pid), out)
        assert victim is not None
        victim.kill()
        printed, errors = run.communicate(timeout=300)
    assert run.returncode == ExitCode.OK, errors
    assert f"{PHOTOGRAPHS} photographs segmented, 0 without a result" in printed
    assert {entry.name for entry in read_entries(out)} == {path.name for path in folder.iterdir()}
    lines = [(out / f"shard-{index}" / "manifest.jsonl").read_bytes().count(b"\n") for index in range(SHARDS)]
    assert sum(lines) == PHOTOGRAPHS
    asked = served(url) - before
    assert PHOTOGRAPHS <= asked <= PHOTOGRAPHS + PARALLEL  # only what the dead worker had under way is asked for twice

    again = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert again.returncode == ExitCode.OK, again.stderr
    assert served(url) - before == asked
