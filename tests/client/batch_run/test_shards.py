"""Parting photographs among workers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrinkle_client.batch_run.photographs import Photograph, find_photographs
from wrinkle_client.batch_run.shards import photographs_of_shard
from wrinkle_core.errors import InvalidParameterError


def photographs(names: list[str]) -> list[Photograph]:
    return [Photograph(name, name, "1", None, lambda: b"") for name in names]


names = st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=50)


@given(names=names, count=st.integers(1, 20))
def test_each_photograph_is_in_exactly_one_shard(names: list[str], count: int) -> None:
    shards = [photographs_of_shard(photographs(names), index, count) for index in range(count)]
    assert sorted(photo.name for shard in shards for photo in shard) == sorted(names)


def test_a_name_need_not_be_valid_unicode() -> None:
    found = photographs(["caf\udce9.jpg"])
    assert sorted(len(photographs_of_shard(found, index, 2)) for index in range(2)) == [0, 1]


@given(names=names, more=names, count=st.integers(1, 20))
def test_new_photographs_move_no_other(names: list[str], more: list[str], count: int) -> None:
    everything = photographs([*names, *(set(more) - set(names))])
    for index in range(count):
        before = [photo.name for photo in photographs_of_shard(photographs(names), index, count)]
        after = [photo.name for photo in photographs_of_shard(everything, index, count)]
        assert after[: len(before)] == before


def test_shards_are_about_as_large_as_each_other() -> None:
    many = photographs([f"{number:05d}.jpg" for number in range(16_000)])
    sizes = [len(photographs_of_shard(many, index, 16)) for index in range(16)]
    assert min(sizes) > 800
    assert max(sizes) < 1200


@pytest.mark.parametrize(("index", "count"), [(3, 3), (-1, 3)])
def test_a_shard_that_is_none_is_refused(index: int, count: int) -> None:
    with pytest.raises(InvalidParameterError, match="numbered from 0 to 2"):
        photographs_of_shard([], index, count)


def test_result_names_do_not_depend_on_the_shard(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.jpg", "a.png", "b.jpg"):
        (folder / name).write_bytes(b"x")
    everything = {photo.name: photo.stem for photo in find_photographs([str(folder)], out)}
    parted = [photographs_of_shard(find_photographs([str(folder)], out), index, 2) for index in range(2)]
    assert {photo.name: photo.stem for shard in parted for photo in shard} == everything
