from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_train.data.splits import (
    PAPER_1_SHARES,
    PAPER_2_SHARES,
    Splits,
    read_ids,
    split_ids,
    subset_ids,
    without,
    write_ids,
)

IDS = tuple(f"{number:05d}" for number in range(1000))


@pytest.mark.parametrize(
    ("shares", "sizes"), [(PAPER_1_SHARES, (900, 0, 100)), (PAPER_2_SHARES, (800, 100, 100))], ids=["9:1", "80/10/10"]
)
def test_the_papers_splits_have_their_sizes(shares: tuple[float, float, float], sizes: tuple[int, int, int]) -> None:
    splits = split_ids(IDS, shares, seed=1)
    assert (len(splits.train), len(splits.val), len(splits.test)) == sizes
    assert {*splits.train, *splits.val, *splits.test} == set(IDS)


def test_a_split_depends_on_the_seed_and_not_on_the_order() -> None:
    assert split_ids(reversed(IDS), PAPER_2_SHARES, 1) == split_ids(IDS, PAPER_2_SHARES, 1)
    assert split_ids(IDS, PAPER_2_SHARES, 1) != split_ids(IDS, PAPER_2_SHARES, 2)


def test_the_small_regime_is_forty_ids_by_seed() -> None:
    chosen = subset_ids(IDS, 40, seed=3)
    assert len(set(chosen)) == 40
    assert chosen == subset_ids(IDS, 40, seed=3)
    assert chosen != subset_ids(IDS, 40, seed=4)


def test_validation_and_test_ids_leave_the_pretraining_pool() -> None:
    splits = split_ids(IDS, PAPER_2_SHARES, 1)
    pool = without(IDS, splits.val, splits.test)
    assert pool == splits.train
    with pytest.raises(ContractError, match="No picture is left"):
        without(splits.val, splits.val)


def test_a_list_reads_back_as_written(tmp_path: Path) -> None:
    write_ids(tmp_path / "lists" / "test.txt", IDS[:3])
    assert read_ids(tmp_path / "lists" / "test.txt") == IDS[:3]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, r"val\.txt is missing"), ("\n", r"val\.txt is empty"), ("00001\n00002\n00001", "names 00001 twice")],
)
def test_a_bad_list_is_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "val.txt"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(ContractError, match=message):
        read_ids(path)


def test_an_id_in_two_parts_is_refused() -> None:
    with pytest.raises(ContractError, match="00002"):
        Splits(("00001", "00002"), (), ("00002",))


def test_shares_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match="add up to 1"):
        split_ids(IDS, (0.8, 0.1, 0.2), 1)


def test_too_few_ids_to_split_or_choose_are_refused() -> None:
    with pytest.raises(ContractError, match="a part is empty"):
        split_ids(IDS[:3], PAPER_2_SHARES, 1)
    with pytest.raises(ContractError, match="40 of 3"):
        subset_ids(IDS[:3], 40, 1)
