"""The tutorial's Python blocks run in order against a real server, as a reader would paste them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pycocotools import mask as coco

from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial.md"


def test_the_tutorial_s_python_blocks_run_in_order(
    live_server: ModelServer,
    grace_hopper_jpeg: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) >= 10
    (tmp_path / "face.jpg").write_bytes(grace_hopper_jpeg)
    monkeypatch.chdir(tmp_path)
    url = f"http://{live_server.options.host}:{live_server.options.http_port}"
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block.replace("http://localhost:8000", url), names)
    told = capsys.readouterr().out
    assert "notes.txt is no photograph" in told
    assert "landscape.png shows no face" in told
    assert {"face-overlay.png", "face-heat-overlay.png"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert len((tmp_path / "figures.csv").read_text(encoding="utf-8").splitlines()) == 3
    annotation = json.loads((tmp_path / "coco.json").read_text(encoding="utf-8"))
    assert (coco.decode(annotation["segmentation"]) == names["result"].mask).all()
