"""A ``wrinkle serve`` that runs: configured by a file, found by the other commands, and gone without a trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml

from deadly_http import told_about_deadly_bodies
from live_server import start_serve

pytestmark = pytest.mark.live

WRINKLE = [str(Path(sys.executable).with_name("wrinkle"))]
MODELS = [sys.executable, "-c", "from wrinkle_server.commands.models import app; app()"]


def told_by(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_server_of_a_settings_file_is_found_while_it_serves_and_survives_what_ends_triton(
    small_repository: Path, tmp_path: Path
) -> None:
    config = tmp_path / "serve.yaml"
    settings = {"model_repository": str(small_repository), "log_file": str(tmp_path / "triton.log")}
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    environment = os.environ | {"XDG_RUNTIME_DIR": str(runtime), "WRINKLE_SERVE_CONFIG": str(config)}
    started = start_serve([*WRINKLE, "serve"], env=environment)
    with started.process as process:
        listed = told_by([*MODELS, "list", "--json"], environment)
        doctor = told_by([*WRINKLE, "doctor", "--json"], environment)
        (server,) = [each for each in psutil.Process(process.pid).children() if each.name() == "tritonserver"]
        told = told_about_deadly_bodies(started.ports[0])
        survived = server.is_running()
        process.terminate()
        assert process.wait(60) == 0
    assert [(one["version"], one["loaded"]) for one in json.loads(listed.stdout)["unetpp"]] == [(1, True)]
    assert set(told) == {"CONTRACT_MISMATCH"}
    assert survived
    findings = {one["subject"]: one["found"] for one in json.loads(doctor.stdout)}
    assert f"HTTP port {started.ports[0]} since" in findings["running servers"]
    assert list(runtime.glob("**/*.json")) == []
    assert (tmp_path / "triton.log").is_file()
    assert "No `wrinkle serve` of this user runs" in told_by([*MODELS, "list"], environment).stderr
