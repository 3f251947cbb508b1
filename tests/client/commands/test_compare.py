"""``wrinkle compare`` without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_client.exit_codes import ExitCode
from wrinkle_command import run_wrinkle


@pytest.mark.parametrize("library", ["cv2", "skimage"])
def test_on_a_bare_install_the_pip_line_is_said(tmp_path: Path, library: str) -> None:
    (tmp_path / f"{library}.py").write_text(f"raise ModuleNotFoundError('no {library}', name='{library}')\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    done = run_wrinkle("compare", "a.jpg", "b.jpg", "--out", tmp_path / "out", environment=environment)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert f"`wrinkle compare` needs {library}" in done.stderr
    assert "pip install 'wrinkle-serving[prepare]'" in done.stderr


def test_a_photograph_that_is_not_there_is_said_before_any_server_is_asked(tmp_path: Path) -> None:
    done = run_wrinkle("compare", tmp_path / "a.jpg", tmp_path / "b.jpg", "--out", tmp_path / "out")
    assert done.returncode == ExitCode.SOME_FAILED
    assert done.stderr.startswith("INVALID_IMAGE: ")
