"""A folder of 100 photographs against the real server, through Ctrl-C and kill -9; of 500 with ``-m slow``."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client.batch_run.manifest import MANIFEST_NAME, read_entries
from wrinkle_client.exit_codes import ExitCode
from wrinkle_command import command_line, run_wrinkle

pytestmark = pytest.mark.live

PARALLEL = 4


@pytest.fixture(params=[100, pytest.param(500, marks=pytest.mark.slow)])
def photographs(request: pytest.FixtureRequest) -> int:
    """Return how many photographs there are."""
    return int(request.param)


@pytest.fixture
def folder(photographs: int, astronaut_rgb: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Return a folder with so many names of one small photograph."""
    encoded = io.BytesIO()
    Image.fromarray(astronaut_rgb[:256, 96:352]).resize((96, 96)).save(encoded, "JPEG")
    first = tmp_path / "in" / "000.jpg"
    first.parent.mkdir()
    first.write_bytes(encoded.getvalue())
    for number in range(1, photographs):
        os.link(first, first.with_name(f"{number:03d}.jpg"))
    return first.parent


def served(url: str) -> int:
    """Return how many requests the ensemble has answered."""
    with urllib.request.urlopen(f"{url}/v2/models/wrinkle_unetpp/stats", timeout=5) as answer:
        return int(json.load(answer)["model_stats"][0]["inference_stats"]["success"]["count"])


def lines_of(manifest: Path) -> int:
    return manifest.read_bytes().count(b"\n") if manifest.exists() else 0


def cut_off(command: list[str], manifest: Path, *, after: int, number: signal.Signals) -> tuple[int, str]:
    """Run ``command`` until the manifest has ``after`` lines, send a signal, return exit code and errors."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        deadline_s = time.monotonic() + 60
        while lines_of(manifest) < after and time.monotonic() < deadline_s and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def test_a_folder_run_survives_ctrl_c_and_kill_and_does_only_what_is_missing(
    live_urls: dict[str, str], photographs: int, folder: Path, tmp_path: Path
) -> None:
    part = photographs // 8
    out, url = tmp_path / "out", live_urls["http"]
    manifest = out / MANIFEST_NAME
    arguments = ("segment", folder, "--out", out, "--url", url, "--overlay", "none", "--parallel", str(PARALLEL))
    before = served(url)

    code, errors = cut_off(command_line(*arguments), manifest, after=part, number=signal.SIGINT)
    assert code == ExitCode.INTERRUPTED
    assert "run the same command again to go on" in errors
    assert "Traceback" not in errors
    first = len(read_entries(out))
    assert part <= first < photographs
    assert served(url) - before == first  # Ctrl-C lets what is under way end, and records it

    code, errors = cut_off(command_line(*arguments), manifest, after=first + part, number=signal.SIGKILL)
    assert code == -signal.SIGKILL
    second = len(read_entries(out))
    assert first + part <= second < photographs

    done = run_wrinkle(*arguments)
    assert done.returncode == ExitCode.OK, done.stderr
    assert f"{second} of {photographs} photographs are kept from an earlier run" in done.stderr
    entries = read_entries(out)
    assert {entry.name for entry in entries} == {f"{number:03d}.jpg" for number in range(photographs)}
    assert all(entry.failure is None and (out / f"{entry.stem}-mask.png").stat().st_size for entry in entries)
    assert lines_of(manifest) == photographs
    asked = served(url) - before
    assert photographs <= asked <= photographs + PARALLEL  # only what kill -9 cut off was asked for twice

    again = run_wrinkle(*arguments, "--format", "json")
    assert again.returncode == ExitCode.OK
    assert [json.loads(line)["kept"] for line in again.stdout.splitlines()] == [True] * photographs
    assert served(url) - before == asked
