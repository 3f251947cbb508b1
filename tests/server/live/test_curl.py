"""The curl commands of docs/serving.md work as they are written there."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wrinkle_core.contract import segmenter
from wrinkle_core.geometry import Geometry
from wrinkle_core.postprocess import ThresholdOptions
from wrinkle_core.report import Report
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

PAGE = Path(__file__).resolve().parents[3] / "docs" / "serving.md"


def documented(title: str) -> str:
    """Return the shell block under a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"### {title}\n", 1)[1]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found.group(1)


def run(script: str, server: ModelServer, folder: Path, photo: bytes) -> subprocess.CompletedProcess[str]:
    (folder / "photo.jpg").write_bytes(photo)
    here = script.replace("localhost:8000", f"{server.options.host}:{server.options.http_port}")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here], cwd=folder, capture_output=True, text=True, check=False
    )


def test_raw_body_gives_mask_bit_for_bit_report_and_geometry(
    live_server: ModelServer, in_process: Any, grace_hopper_jpeg: bytes, tmp_path: Path
) -> None:
    done = run(documented("A raw photograph with curl"), live_server, tmp_path, grace_hopper_jpeg)
    assert done.returncode == 0, done.stderr
    expected = in_process(segmenter("unetpp"), grace_hopper_jpeg, ThresholdOptions())
    assert (tmp_path / "mask.png").read_bytes() == expected.mask_png
    answered = Report.from_json((tmp_path / "report.json").read_bytes())
    assert answered == Report.from_json(expected.report_json)  # timings apart
    assert Geometry.unpack(np.fromfile(tmp_path / "geometry.f32", np.float32)).image_height_px == 600


def test_body_with_parameters_gives_the_probability_map(
    live_server: ModelServer, in_process: Any, grace_hopper_jpeg: bytes, tmp_path: Path
) -> None:
    splitting = documented("A raw photograph with curl")
    done = run(splitting + documented("With request parameters"), live_server, tmp_path, grace_hopper_jpeg)
    assert done.returncode == 0, done.stderr
    options = ThresholdOptions(threshold=0.3, probability=True)
    expected = in_process(segmenter("unetpp"), grace_hopper_jpeg, options)
    assert (tmp_path / "probability.png").read_bytes() == expected.probability_png
    assert (tmp_path / "mask.png").read_bytes() == expected.mask_png


def test_bad_photograph_answers_400_with_its_code(live_server: ModelServer, tmp_path: Path) -> None:
    done = run(documented("An error"), live_server, tmp_path, b"no photograph at all, only text")
    status, body = done.stdout.strip().splitlines()[-1], done.stdout
    assert status == "400"
    assert "[wrinkle:INVALID_IMAGE]" in json.loads(body.splitlines()[0])["error"]
