"""Nothing this package imports reports its use or writes under the user's home."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wrinkle_core.telemetry import telemetry_blocked

WATCHES_THE_NETWORK = """
import json, sys

events = []
watched = ("socket.connect", "socket.getaddrinfo")
sys.addaudithook(lambda event, _: events.append(event) if event in watched else None)
{imports}
import openvino_telemetry  # it is installed, only not found by OpenVINO
print(json.dumps(events))
"""


def imported(imports: str, home: Path) -> list[str]:
    """Return the network events of a fresh process, whose home is ``home``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST", "XDG_"))}
    told = subprocess.run(
        [sys.executable, "-c", WATCHES_THE_NETWORK.format(imports=imports)],
        env={**environment, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    events: list[str] = json.loads(told.stdout.splitlines()[-1])
    return events


@pytest.mark.parametrize(
    "imports",
    [
        "from wrinkle_core.landmarks import FaceLandmarker",
        "from wrinkle_core.inference import OnnxSegmenter",
        "from wrinkle_server.steps.preprocess_step import PreprocessStep",
        "from wrinkle_server.steps.segment_step import SegmentStep",
        "from wrinkle_export.repository.assemble import assemble_repository",
    ],
)
def test_import_sends_nothing_and_writes_nothing_under_home(imports: str, tmp_path: Path) -> None:
    assert imported(imports, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_openvino_by_itself_would_write_under_home(tmp_path: Path) -> None:
    imported("import openvino", tmp_path)
    assert list(tmp_path.iterdir()) != []


def test_block_ends_with_its_block() -> None:
    before = importlib.import_module("openvino_telemetry")
    with telemetry_blocked(), pytest.raises(ImportError):
        importlib.import_module("openvino_telemetry.backend")
    assert importlib.import_module("openvino_telemetry") is before
