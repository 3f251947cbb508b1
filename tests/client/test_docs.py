"""The Python blocks of docs/client.md run, one after the other, as a reader would paste them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "client.md"


def test_the_page_s_python_blocks_run(
    http_server: Any, photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 3
    (tmp_path / "face.jpg").write_bytes(photo)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block.replace("http://localhost:8000", http_server.url), names)
    assert names["heat_rgb"].shape == names["lines_rgb"].shape == (30, 40, 3)
    assert (tmp_path / "out" / "face.json").exists()
