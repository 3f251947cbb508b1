"""The embedded Triton is found and made runnable without touching its package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from wrinkle_server.triton.tritonserver import find_tritonserver, libpython_available, server_environment


def test_tritonserver_of_the_wheel_is_found_with_a_stub_for_this_python() -> None:
    installation = find_tritonserver()
    assert os.access(installation.binary, os.X_OK)
    assert all(file.is_file() for file in installation.python_backend)


def test_backend_folder_holds_library_helper_and_stub_side_by_side(tmp_path: Path) -> None:
    python = find_tritonserver().prepare_backends(tmp_path / "backends") / "python"
    assert {path.name for path in python.iterdir()} == {
        "libtriton_python.so",
        "triton_python_backend_utils.py",
        "triton_python_backend_stub",
    }
    assert all(path.is_symlink() and path.is_file() for path in python.iterdir())


def test_steps_find_this_environments_interpreter_first() -> None:
    first = server_environment(find_tritonserver())["PATH"].split(os.pathsep)[0]
    assert Path(first, "python3").resolve() == Path(sys.executable).resolve()


def test_python_path_of_the_caller_does_not_reach_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert "PYTHONPATH" not in server_environment(find_tritonserver())


def test_this_interpreter_has_a_shared_library() -> None:
    assert libpython_available()


def test_memory_of_the_allocator_is_bounded_unless_the_operator_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    environment = server_environment(find_tritonserver())
    assert environment["MALLOC_ARENA_MAX"] == "2"
    assert environment["MALLOC_TRIM_THRESHOLD_"] == "1000000"
