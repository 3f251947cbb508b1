"""Only what dead servers of this user left is removed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
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


def test_remains_older_than_the_process_of_their_id_are_removed() -> None:
    region = SHARED_MEMORY / f"{new_run_name()}0f3a"
    region.touch()
    an_hour_before_s = psutil.Process().create_time() - 3600.0
    os.utime(region, (an_hour_before_s, an_hour_before_s))
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
