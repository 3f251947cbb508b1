"""Only what dead servers of this user left is removed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wrinkle_server.triton.leftovers import SHARED_MEMORY, new_run_name, remove_leftovers, remove_run


@pytest.fixture
def remains_of_a_dead_server() -> Iterator[tuple[Path, Path]]:
    program = "from wrinkle_server.triton.leftovers import new_run_name; print(new_run_name())"
    name = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    region, scratch = SHARED_MEMORY / f"{name}0f3a", Path(tempfile.gettempdir(), name)
    region.touch()
    scratch.mkdir()
    (scratch / "triton.log").touch()
    yield region, scratch
    remove_run(name)


def test_remains_of_a_dead_server_are_removed(remains_of_a_dead_server: tuple[Path, Path]) -> None:
    remove_leftovers()
    assert not any(path.exists() for path in remains_of_a_dead_server)


def test_files_of_a_living_server_stay() -> None:
    name = new_run_name()
    region = SHARED_MEMORY / f"{name}0f3a"
    region.touch()
    remove_leftovers()
    assert region.exists()
    remove_run(name)
    assert not region.exists()


def test_fresh_remains_of_an_earlier_process_of_the_same_id_are_removed() -> None:
    """A container that is killed and starts again gives its server the same id, a moment later."""
    _, _, own_id, own_start, random = new_run_name().split("-")
    region = SHARED_MEMORY / f"wrinkle-serve-{own_id}-{int(own_start) - 1}-{random}0f3a"
    region.touch()
    remove_leftovers()
    assert not region.exists()


def test_shared_memory_of_other_programs_stays() -> None:
    foreign = SHARED_MEMORY / "wrinkle-serve-someone-elses"
    foreign.touch()
    try:
        remove_leftovers()
        assert foreign.exists()
    finally:
        foreign.unlink()
