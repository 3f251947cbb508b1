"""A command line becomes the command lines of its shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_batch.parsed_command import parse_command
from wrinkle_batch.parts import parted
from wrinkle_client.batch_run.entry import Entry, Failure, RunOptions
from wrinkle_client.batch_run.manifest import Manifest
from wrinkle_client.batch_run.shards import shard_of
from wrinkle_core.errors import InvalidParameterError

OPTIONS = RunOptions("unetpp", None, False, "none")


def segment(out: Path, *more: str) -> tuple[str, ...]:
    return ("segment", "/photographs", "--recursive", "--out", str(out), "--overlay", "none", *more)


def note(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    with Manifest(folder) as manifest:
        manifest.append(Entry(name, name, "1 bytes", None, OPTIONS, failure=Failure("NO_FACE", "None.", False)))


def test_every_shard_gets_the_whole_line_with_its_own_index_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRINKLE_URL", "https://of.this.machine:443")
    shards = parted(parse_command(segment(tmp_path, "--threshold", "0.4", "-p", "8")), 3)
    assert [shard.name for shard in shards] == ["shard-0", "shard-1", "shard-2"]
    read = [parse_command(shard.words).values for shard in shards]
    assert [values["shard_index"] for values in read] == [0, 1, 2]
    assert [values["out"] for values in read] == [tmp_path / shard.name for shard in shards]
    for values in read:
        assert (values["photos"], values["recursive"], values["probability"]) == (["/photographs"], True, False)
        assert (values["threshold"], values["parallel"], values["shard_count"]) == (0.4, 8, 3)
        assert (values["url"], values["output"].value) == ("https://of.this.machine:443", "quiet")


def test_weak_labels_have_a_shard_per_folder_of_pictures(tmp_path: Path) -> None:
    for name in ("01000", "00000", ".hidden"):
        (tmp_path / "in" / name).mkdir(parents=True)
    words = ("weak-labels", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--align", "--workers", "8")
    shards = parted(parse_command(words), 16)
    assert [shard.name for shard in shards] == ["00000", "01000"]
    read = parse_command(shards[1].words).values
    assert (read["images"], read["out"]) == (tmp_path / "in" / "01000", tmp_path / "out" / "01000")
    assert (read["align"], read["workers"]) == (True, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("segment", "in", "--out", "/out"), "in is no absolute path"),
        (("segment", "-", "--out", "/out"), "- is no absolute path"),
        (("segment", "/in", "--out", "out"), "out is relative"),
        (("segment", "/in", "--out", "/in/out"), "/in/out lies in /in"),
        (("segment", "/in/**/*.png", "--out", "/in/out"), "lies in"),
        (("segment", "/in", "--out", "/out", "--token-file", "token"), "token is relative"),
        (("segment", "/in", "--out", "/out", "--shard-index", "1", "--shard-count", "2"), "before `segment`"),
        (("weak-labels", "/no/such/folder", "--out", "/out"), "holds no folders"),
        (("weak-labels", "in", "--out", "/out"), "in is relative"),
        (("doctor",), "`wrinkle doctor` has no shards"),
    ],
)
def test_what_other_machines_cannot_do_is_refused_before_ray_starts(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        parted(parse_command(words), 2)


def test_a_folder_with_results_of_another_number_of_shards_is_refused(tmp_path: Path) -> None:
    note(tmp_path / f"shard-{shard_of('face.jpg', 4)}", "face.jpg")
    assert len(parted(parse_command(segment(tmp_path)), 4)) == 4
    assert shard_of("face.jpg", 4) != shard_of("face.jpg", 3)
    with pytest.raises(InvalidParameterError, match="another --shard-count"):
        parted(parse_command(segment(tmp_path)), 3)
    note(tmp_path / "shard-7", "other.jpg")
    with pytest.raises(InvalidParameterError, match="shard-7"):
        parted(parse_command(segment(tmp_path)), 4)
