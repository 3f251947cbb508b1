"""The file of a running server: for its owner only, there as long as the process is, and harmless when damaged."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from wrinkle_core.errors import ServerUnreachableError
from wrinkle_server.running import RunningServer, announce, announced, running_server, running_servers, withdraw

SERVER = RunningServer(
    os.getpid(),
    psutil.Process().create_time(),
    "127.0.0.1",
    8000,
    8001,
    8002,
    8003,
    Path("/repository"),
    False,
    "2026-01-01T00:00:00+00:00",
    "secret",
)


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the files of this test apart from those of servers that run on this machine."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def test_server_is_found_while_it_is_announced() -> None:
    with announced(SERVER):
        assert running_server() == running_server(8000) == SERVER
    assert running_servers() == ()


def test_only_the_owner_can_read_the_key(runtime_folder: Path) -> None:
    with announced(SERVER):
        (file,) = (runtime_folder / "wrinkle-serving").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "secret" not in repr(SERVER)


def test_folder_that_others_can_enter_is_not_used(runtime_folder: Path, tmp_path: Path) -> None:
    runtime_folder.chmod(0o755)
    with announced(SERVER):
        assert list(runtime_folder.iterdir()) == []
        assert running_server() == SERVER
        assert list(tmp_path.glob("cache/**/serve-8000.json"))


def test_newer_server_on_a_port_takes_the_place_of_the_older_one() -> None:
    restarted = replace(SERVER, admin_key="another")
    with announced(SERVER):
        announce(restarted)
        assert running_servers() == (restarted,)


def test_server_whose_process_is_gone_or_whose_id_was_reused_is_no_server() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    announce(replace(SERVER, process_id=ended.pid))
    announce(replace(SERVER, http_port=9000, process_started=1.0))
    assert running_servers() == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"process_id": "x"}', b"\xff" * 70_000])
def test_damaged_file_counts_for_nothing(content: bytes, runtime_folder: Path) -> None:
    folder = runtime_folder / "wrinkle-serving"
    folder.mkdir()
    (folder / "serve-8000.json").write_bytes(content)
    assert running_servers() == ()
    withdraw(SERVER)


def test_no_server_and_several_servers_are_told_apart() -> None:
    with pytest.raises(ServerUnreachableError, match="No `wrinkle serve` of this user runs on this machine"):
        running_server()
    with announced(SERVER), announced(replace(SERVER, http_port=9000)):
        with pytest.raises(ServerUnreachableError, match="8000, 9000; name one with --http-port"):
            running_server()
        with pytest.raises(ServerUnreachableError, match="runs on HTTP port 7000"):
            running_server(7000)
        assert running_server(9000).http_port == 9000
