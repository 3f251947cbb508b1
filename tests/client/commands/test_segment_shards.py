"""``wrinkle segment`` as one worker of several, as a batch job on Kubernetes runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wrinkle_client.exit_codes import ExitCode
from wrinkle_command import run_wrinkle

SHARDS = 4


def test_workers_part_the_photographs_and_one_without_any_is_done(
    http_server: Any, photo: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("one.jpg", "two.jpg"):
        (folder / name).write_bytes(photo)
    names: list[str] = []
    for index in range(SHARDS):
        out = tmp_path / f"shard-{index}"
        shard = ("--shard-index", str(index), "--shard-count", str(SHARDS))
        done = run_wrinkle("segment", folder, *shard, "--out", out, "--url", http_server.url, "--format", "json")
        assert done.returncode == ExitCode.OK, done.stderr
        names += [json.loads(line)["name"] for line in done.stdout.splitlines()]
        assert (out / "manifest.jsonl").is_file()
    assert sorted(names) == ["one.jpg", "two.jpg"]


def test_a_shard_that_is_none_is_refused(http_server: Any, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(photo)
    shard = ("--shard-index", "2", "--shard-count", "2")
    done = run_wrinkle("segment", tmp_path / "one.jpg", *shard, "--out", tmp_path / "out", "--url", http_server.url)
    assert done.returncode == ExitCode.USAGE
    assert "numbered from 0 to 1" in done.stderr
