"""``wrinkle segment`` against servers of both protocols."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from wrinkle_client.exit_codes import ExitCode
from wrinkle_command import command_line, run_wrinkle
from wrinkle_core.errors import NoFaceError, to_wire


def segment(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_wrinkle("segment", *arguments)


@pytest.fixture
def face(tmp_path: Path, photo: bytes) -> Path:
    path = tmp_path / "face.jpg"
    path.write_bytes(photo)
    return path


def test_each_photograph_gets_its_files_and_a_table(server: Any, face: Path, tmp_path: Path) -> None:
    done = segment(face, "--out", tmp_path / "out", "--url", server.url)
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "face-mask.png",
        "face-overlay.png",
        "face.json",
        "manifest.jsonl",
        "summary.csv",
    ]
    assert "forehead" in done.stdout
    assert "whole face" in done.stdout
    assert "warning SMALL_FACE: The face is 30 px high." in done.stdout
    assert "1 of 1 photographs segmented" in done.stderr


def test_options_reach_the_server(server: Any, face: Path, tmp_path: Path) -> None:
    server.answer.segmenter = "unet_texture"
    options = ("--model", "unet_texture", "--threshold", "0.25", "--probability")
    done = run_wrinkle("segment", face, "--out", tmp_path / "out", *options, environment={"WRINKLE_URL": server.url})
    assert done.returncode == 0
    assert server.received[-1].parameters == {"threshold": 0.25, "probability": True}
    assert (tmp_path / "out" / "face-probability.png").exists()
    assert json.loads((tmp_path / "out" / "face.json").read_text())["model"] == "unet_texture"


def test_a_bad_file_is_reported_and_the_others_go_on(server: Any, face: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    done = segment(tmp_path / "gone.jpg", empty, face, "--out", tmp_path / "out", "--url", server.url)
    assert done.returncode == ExitCode.SOME_FAILED
    assert "gone.jpg: INVALID_IMAGE" in done.stderr.replace("\n", "")
    assert "empty.jpg: EMPTY_IMAGE" in done.stderr.replace("\n", "")
    assert "1 of 3 photographs segmented" in done.stderr
    assert (tmp_path / "out" / "face.json").exists()


def test_a_photograph_without_a_face_is_reported_in_the_server_s_words(
    http_server: Any, face: Path, tmp_path: Path
) -> None:
    body = json.dumps({"error": to_wire(NoFaceError("No face was found."))}).encode()
    reply = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def no_face(connection: Any, request: Any) -> bool:
        if request.path.endswith("/infer"):
            connection.sendall(reply)
            return True
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = no_face
    done = segment(face, "--out", tmp_path / "out", "--url", http_server.url)
    assert done.returncode == ExitCode.SOME_FAILED
    assert "NO_FACE: No face was found." in done.stderr.replace("\n", " ")


def test_photographs_of_one_name_do_not_overwrite_each_other(
    http_server: Any, face: Path, photo: bytes, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "FACE.png"
    other.parent.mkdir()
    other.write_bytes(photo)
    assert segment(face, other, "--out", tmp_path / "out", "--url", http_server.url).returncode == 0
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"face.json", "FACE-2.json"}


def test_a_photograph_is_never_overwritten(http_server: Any, face: Path, photo: bytes, tmp_path: Path) -> None:
    overlay = tmp_path / "face-overlay.png"
    overlay.write_bytes(photo)
    done = segment(face, overlay, "--out", tmp_path, "--url", http_server.url)
    assert done.returncode == ExitCode.USAGE
    assert "face-overlay.png" in done.stderr
    assert overlay.read_bytes() == photo


def test_no_server_says_how_to_start_one(closed_port: int, face: Path, tmp_path: Path) -> None:
    done = segment(face, "--out", tmp_path / "out", "--url", f"http://127.0.0.1:{closed_port}")
    assert done.returncode == ExitCode.ENVIRONMENT
    assert done.stderr.startswith("SERVER_UNREACHABLE: ")
    assert "`wrinkle serve`" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("--model", "unet3000"), ("--url", "localhost:8000"), ("--threshold", "high")])
def test_a_wrong_option_is_wrong_usage(face: Path, tmp_path: Path, options: tuple[str, str]) -> None:
    assert segment(face, "--out", tmp_path / "out", *options).returncode == ExitCode.USAGE


def test_a_folder_that_cannot_be_written_ends_the_run(http_server: Any, face: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    done = segment(face, face, "--out", tmp_path / "out", "--url", http_server.url)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert "Cannot write to" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_ctrl_c_during_a_call_ends_with_130(
    request: pytest.FixtureRequest, face: Path, tmp_path: Path, protocol: str
) -> None:
    server = request.getfixturevalue(f"{protocol}_server")
    reached, over = threading.Event(), threading.Event()

    def hang(*call: Any) -> Any:
        if protocol == "grpc" or call[1].path.endswith("/infer"):
            reached.set()
            over.wait(30)
        return server.behave_well(*call)

    server.behaviour = hang
    command = command_line("segment", face, "--out", tmp_path / "out", "--url", server.url)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert reached.wait(20)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        over.set()
        _, errors = process.communicate(timeout=20)
    assert process.returncode == ExitCode.INTERRUPTED
    assert b"Traceback" not in errors
