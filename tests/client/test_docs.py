"""The Python blocks of the docs run, one after the other, as a reader would paste them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otlp_collector import collecting
from wrinkle_client.testing import FakeServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "client.md"


def test_the_page_s_python_blocks_run(photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 8
    (tmp_path / "face.jpg").write_bytes(photo)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with FakeServer() as server:
        for block in blocks:
            exec(block.replace("http://localhost:8000", server.http_url), names)
    assert names["heat_rgb"].shape == names["lines_rgb"].shape == (30, 40, 3)
    assert names["textured"].model == "unet_texture"
    assert (tmp_path / "out" / "face.json").exists()


def test_the_tracing_example_sends_the_client_s_span(http_server: Any, photo: bytes, tmp_path: Path) -> None:
    page = PAGE.with_name("observability.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.S)
    (tmp_path / "face.jpg").write_bytes(photo)
    with collecting() as collector:
        code = block.replace("http://localhost:8000", http_server.url)
        code = code.replace("http://localhost:4318", collector.endpoint)
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
        (span,) = collector.spans
    assert (span.service, span.name) == ("clinic", "POST /v2/models/{model}/infer")
    assert span.span_id in http_server.received[0].headers["traceparent"]
