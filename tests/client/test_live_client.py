"""What the real server alone can tell: its own size limit, and the command; the rest is in ``contract/``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from driven_client import connect
from wrinkle_client import Client, ImageTooLargeError, Limits

pytestmark = pytest.mark.live


@pytest.fixture
def hopper_path(grace_hopper_jpeg: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "grace_hopper.jpg"
    path.write_bytes(grace_hopper_jpeg)
    return path


def test_the_server_has_a_size_limit_of_its_own(live_urls: dict[str, str], kind: str) -> None:
    with connect(kind, live_urls["http"], limits=Limits(max_encoded_bytes=100 * 2**20)) as client:
        with pytest.raises(ImageTooLargeError):
            client.segment(b"\xff\xd8\xff\xe0" + bytes(21 * 2**20))


def test_the_command_writes_what_the_client_returns(
    live_urls: dict[str, str], hopper_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-m", "wrinkle_client.cli", "segment", str(hopper_path), "--out", str(out), "--probability"],
        env=os.environ | {"WRINKLE_URL": live_urls["grpc"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with Client(live_urls["http"]) as client:
        result = client.segment(hopper_path)
    with Image.open(out / "grace_hopper-mask.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), result.mask)
    assert json.loads((out / "grace_hopper.json").read_text())["report"]["segmenter"] == "unetpp"
    assert "whole face" in done.stdout
