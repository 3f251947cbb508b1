"""``wrinkle segment`` over many photographs: what it takes, what it prints, what it keeps."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from wrinkle_client.exit_codes import ExitCode
from wrinkle_command import command_line, run_wrinkle

TERMINAL = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}


@pytest.fixture
def photos(tmp_path: Path, photo: bytes) -> Path:
    """Return a folder with three photographs, one of them a folder deeper, and one that is none."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for name in ("one.jpg", "two.JPG", "deep/one.jpg"):
        (folder / name).write_bytes(photo)
    (folder / "notes.txt").write_text("no photograph")
    (folder / "empty.png").touch()
    return folder


def inferences(server: Any) -> int:
    return sum(request.path.endswith("/infer") for request in server.received)


def test_a_folder_is_segmented_with_its_shape_a_summary_and_json_lines(
    http_server: Any, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ("--recursive", "--out", out, "--url", http_server.url)
    done = run_wrinkle("segment", photos, *options, "--format", "json")
    assert done.returncode == ExitCode.SOME_FAILED
    lines = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert set(lines) == {"deep/one.jpg", "empty.png", "one.jpg", "two.JPG"}
    assert lines["empty.png"]["failure"]["code"] == "EMPTY_IMAGE"
    assert [file["path"] for file in lines["deep/one.jpg"]["files"]] == [
        "deep/one-mask.png",
        "deep/one-overlay.png",
        "deep/one.json",
    ]
    assert all((out / file["path"]).stat().st_size == file["size_bytes"] for file in lines["deep/one.jpg"]["files"])
    with (out / "summary.csv").open(newline="") as file:
        rows = {row["photograph"]: row for row in csv.DictReader(file)}
    assert rows["one.jpg"]["wrinkled_area_fraction"] == "0.02"
    assert rows["one.jpg"]["forehead_wrinkled_area_fraction"] == "0.04"
    assert (rows["one.jpg"]["warnings"], rows["empty.png"]["error_code"]) == ("SMALL_FACE", "EMPTY_IMAGE")
    assert out.stat().st_mode & 0o777 == 0o700

    asked = inferences(http_server)
    again = run_wrinkle("segment", photos, *options)
    assert again.returncode == ExitCode.SOME_FAILED
    assert "4 of 4 photographs are kept from an earlier run, 0 to do." in again.stderr
    assert "3 of 4 photographs segmented (4 ended in an earlier run)" in again.stderr
    assert "EMPTY_IMAGE" in again.stdout
    assert inferences(http_server) == asked

    (photos / "deep" / "new.jpg").write_bytes((photos / "one.jpg").read_bytes())
    (out / "two-mask.png").unlink()
    added = run_wrinkle("segment", photos, *options, "--format", "quiet")
    assert (added.stdout, inferences(http_server)) == ("", asked + 2)


def test_file_names_from_anywhere_neither_end_a_run_nor_reach_the_terminal(
    http_server: Any, tmp_path: Path, photo: bytes
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "caf\udce9.jpg").write_bytes(photo)
    (folder / "\x1b[31mred.jpg").touch()
    (folder / f"{'long' * 60}.jpg").write_bytes(photo)
    done = run_wrinkle("segment", folder, "--out", tmp_path / "out", "--url", http_server.url)
    assert done.returncode == ExitCode.SOME_FAILED
    assert "1 of 3 photographs segmented" in done.stderr
    assert "name is too long" in done.stderr
    assert "\x1b[31mred" not in done.stdout + done.stderr
    gone = run_wrinkle("view", tmp_path / "\x1b[31mred", "--no-open")
    assert (gone.returncode, "\x1b" in gone.stderr) == (ExitCode.ENVIRONMENT, False)


def test_results_show_faces_to_this_user_only_also_in_a_folder_that_others_read(
    http_server: Any, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o755)
    run_wrinkle("segment", photos / "one.jpg", "--out", out, "--url", http_server.url)
    assert {path.name: path.stat().st_mode & 0o777 for path in out.iterdir()} == dict.fromkeys(
        ("one-mask.png", "one-overlay.png", "one.json", "manifest.jsonl", "summary.csv"), 0o600
    )


def test_other_options_in_one_folder_are_refused_until_redo(http_server: Any, photos: Path, tmp_path: Path) -> None:
    options = (photos / "one.jpg", "--out", tmp_path / "out", "--url", http_server.url)
    assert run_wrinkle("segment", *options).returncode == ExitCode.OK
    refused = run_wrinkle("segment", *options, "--threshold", "0.3")
    assert refused.returncode == ExitCode.USAGE
    assert "threshold the model's own, now 0.3" in refused.stderr
    redone = run_wrinkle("segment", *options, "--threshold", "0.3", "--redo", "--format", "json")
    assert json.loads(redone.stdout)["options"]["threshold"] == 0.3
    assert inferences(http_server) == 2


@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("none", {"mask", "document"}),
        ("heat", {"mask", "overlay", "probability", "document"}),
        ("side-by-side", {"mask", "overlay", "document"}),
    ],
)
def test_standard_input_and_overlay_styles(
    http_server: Any, photo: bytes, tmp_path: Path, style: str, written: set[str]
) -> None:
    options = ("--out", tmp_path, "--url", http_server.url, "--overlay", style, "--format", "json")
    done = run_wrinkle("segment", "-", *options, stdin=photo)
    assert done.returncode == ExitCode.OK
    line = json.loads(done.stdout)
    assert (line["name"], {file["kind"] for file in line["files"]}) == ("standard input", written)
    assert (tmp_path / "stdin-mask.png").exists()


def test_a_retryable_failure_is_tried_again(http_server: Any, photos: Path, tmp_path: Path) -> None:
    broken = True

    def fault(connection: Any, request: Any) -> bool:
        if broken and request.path.endswith("/infer"):
            body = b'{"error": "out of memory"}'
            connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return True
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = fault
    options = ("segment", photos / "one.jpg", "--out", tmp_path / "out", "--url", http_server.url)
    assert run_wrinkle(*options).returncode == ExitCode.SERVER
    broken = False
    done = run_wrinkle(*options)
    assert done.returncode == ExitCode.OK
    assert "kept" not in done.stderr


def test_many_photographs_get_a_line_each_and_one_table(http_server: Any, photo: bytes, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"photo{number}.jpg").write_bytes(photo)
    done = run_wrinkle("segment", tmp_path / "*.jpg", "--out", tmp_path / "out", "--url", http_server.url)
    assert done.returncode == ExitCode.OK
    assert done.stdout.count("2.0 % wrinkled, lines 2.00  SMALL_FACE") == 6
    assert done.stdout.count("whole face") == 1
    assert "forehead" not in done.stdout
    assert f"wrinkle view {tmp_path / 'out'}" in done.stderr.replace("\n", "")


def test_a_token_that_is_no_longer_accepted_ends_the_run_and_the_next_one_goes_on(
    http_server: Any, photos: Path, tmp_path: Path
) -> None:
    def revoked(connection: Any, request: Any) -> bool:
        if request.path.endswith("/infer") and inferences(http_server) > 1:
            connection.sendall(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
            return True
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = revoked
    (photos / "empty.png").unlink()
    options = ("segment", photos, "-r", "--out", tmp_path / "out", "--url", http_server.url, "--parallel", "1")
    done = run_wrinkle(*options)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert "UNAUTHORIZED" in done.stderr
    assert "2 were not segmented; run the same command again" in done.stderr
    assert (tmp_path / "out" / "summary.csv").read_text().count("done") == 1
    http_server.behaviour = None
    assert "1 of 3 photographs are kept" in run_wrinkle(*options).stderr


def test_a_terminal_gets_a_bar_with_count_and_rate(http_server: Any, photos: Path, tmp_path: Path) -> None:
    def slow(connection: Any, request: Any) -> bool:
        time.sleep(0.3 * request.path.endswith("/infer"))
        return bool(http_server.behave_well(connection, request))

    http_server.behaviour = slow
    options = ("segment", photos, "-r", "--out", tmp_path / "out", "--url", http_server.url, "--parallel", "1")
    ours, theirs = pty.openpty()
    with subprocess.Popen(command_line(*options), stdout=theirs, stderr=theirs, env=TERMINAL) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux reports the end of a terminal as an error
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert process.returncode == ExitCode.SOME_FAILED
    text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown)
    assert re.search(rb"Segmenting .* [1-3]/4 .*(/s|s each)", text), text
    assert b"empty.png: EMPTY_IMAGE" in shown
