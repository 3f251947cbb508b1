"""One shard in a worker, and the shards' results as one run."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from wrinkle_batch.merged_run import merged_run
from wrinkle_batch.parsed_command import parse_command
from wrinkle_batch.parts import parted
from wrinkle_batch.worker import run_shard
from wrinkle_client.batch_run.manifest import read_entries
from wrinkle_client.exit_codes import ExitCode
from wrinkle_client.testing import FakeServer
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from written_runs import write_run

NAMES = ("a.jpg", "b.jpg", "deep/c.jpg", "d.jpg", "e.jpg")


@pytest.fixture
def folder(grace_hopper_jpeg: bytes, tmp_path: Path) -> Path:
    for name in NAMES:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(grace_hopper_jpeg)
    return tmp_path / "in"


def words(folder: Path, out: Path, url: str) -> tuple[str, ...]:
    return ("segment", str(folder), "--recursive", "--out", str(out), "--url", url, "--timeout-s", "5")


def test_shards_do_everything_once_and_become_one_run(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (folder / "e.jpg").write_bytes(b"no photograph")
    with FakeServer() as server:
        shards = parted(parse_command(words(folder, out, server.http_url)), 3)
        codes = [run_shard(shard, tries=1).exit_code for shard in shards]
        assert sorted(codes) == [ExitCode.OK, ExitCode.OK, ExitCode.SOME_FAILED]
        assert [run_shard(shard, tries=1).exit_code for shard in shards] == codes
        assert len(server.received) == len(NAMES)
    with merged_run(out) as merged:
        entries = merged.gather([shard.name for shard in shards])
        with pytest.raises(ArtifactError, match="Another run"), merged_run(out):
            pass
    assert [entry.name for entry in entries] == sorted(NAMES)
    assert len(read_entries(out)) == len(NAMES)
    for entry in read_entries(out):
        assert all((out / file.path).stat().st_size == file.size_bytes for file in entry.files)
        assert entry.source is not None
        assert (out / entry.source).resolve() == folder / entry.name
    with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["done", "done", "done", "done", "failed"]


def test_the_manifest_of_a_run_without_shards_is_not_overwritten(tmp_path: Path) -> None:
    write_run(tmp_path / "run", ["a.jpg"])
    with pytest.raises(InvalidParameterError, match="without shards"), merged_run(tmp_path / "run"):
        pass
    assert [entry.name for entry in read_entries(tmp_path / "run")] == ["a.jpg"]


def test_a_server_that_fails_is_asked_again_later_and_a_wrong_option_is_not(folder: Path, tmp_path: Path) -> None:
    waits_s: list[float] = []
    with FakeServer() as server:
        line = words(folder, tmp_path / "out", server.http_url)
        (shard,) = parted(parse_command(line), 1)
    outcome = run_shard(shard, 3, waits_s.append)
    assert (outcome.exit_code, outcome.tries, waits_s) == (ExitCode.ENVIRONMENT, 3, [5.0, 10.0])
    assert outcome.message.startswith("SERVER_UNREACHABLE: ")
    (wrong,) = parted(parse_command((*line, "--model", "none")), 1)
    outcome = run_shard(wrong, 3, waits_s.append)
    assert (outcome.exit_code, outcome.tries, len(waits_s)) == (ExitCode.USAGE, 1, 2)
