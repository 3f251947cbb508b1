"""Photographs beyond what may wait ahead of a segmenter are refused; an old or missing number refuses nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wrinkle_core.contract import SegmenterContract, segmenter
from wrinkle_core.errors import ContractError, InvalidParameterError, OverloadedError
from wrinkle_server.steps.admission import Admission
from wrinkle_server.steps.pressure import MAX_AGE_S, PressureBoard

UNETPP = segmenter("unetpp")


def admission(folder: Path | None, *, spec: SegmenterContract = UNETPP, instances: int = 1) -> Admission:
    return Admission(folder, spec, max_waiting=4, instances=instances)


def let_in(gate: Admission, attempts: int) -> int:
    """Return how many of ``attempts`` photographs were let in before the first was refused."""
    for count in range(attempts):
        try:
            with gate.place():
                pass
        except OverloadedError:
            return count
    return attempts


@pytest.mark.parametrize(("pending", "free"), [(0, 4), (3, 1), (4, 0), (1000, 0)])
def test_as_many_are_let_in_as_places_are_free(pending: int, free: int, tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": pending})
    assert let_in(admission(tmp_path), 10) == free


def test_instance_takes_its_own_count_times_the_instances_for_the_whole(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": 0})
    assert let_in(admission(tmp_path, instances=2), 10) == 2


def test_next_publication_counts_anew(tmp_path: Path) -> None:
    board, gate = PressureBoard(tmp_path), admission(tmp_path)
    board.publish({"unetpp": 2})
    assert let_in(gate, 10) == 2
    board.publish({"unetpp": 1})
    assert let_in(gate, 10) == 3


def test_photograph_that_goes_no_further_gives_its_place_back(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": 0})
    gate = admission(tmp_path)
    for _ in range(20):
        with pytest.raises(ValueError, match="no face"), gate.place():
            raise ValueError("no face")
    assert let_in(gate, 10) == 4


def test_refusal_says_how_many_wait_and_that_it_may_be_tried_again(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": 7})
    with pytest.raises(OverloadedError, match="7 photographs wait for unetpp, at most 4 may") as caught:
        admission(tmp_path).place().__enter__()
    assert caught.value.retryable


def test_each_segmenter_has_its_own_number(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": 9})
    assert let_in(admission(tmp_path), 1) == 0
    assert let_in(admission(tmp_path, spec=segmenter("unet_texture")), 10) == 10


def test_number_older_than_a_second_refuses_nothing(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": 9})
    gate = admission(tmp_path)
    assert let_in(gate, 1) == 0
    time.sleep(MAX_AGE_S + 0.05)
    assert let_in(gate, 10) == 10


def test_board_may_come_after_the_step(tmp_path: Path) -> None:
    gate = admission(tmp_path)
    assert let_in(gate, 10) == 10
    PressureBoard(tmp_path).publish({"unetpp": 9})
    assert let_in(gate, 1) == 0


def test_new_supervisor_takes_the_board_over(tmp_path: Path) -> None:
    gate = admission(tmp_path)
    PressureBoard(tmp_path).publish({"unetpp": 9})
    assert let_in(gate, 1) == 0
    PressureBoard(tmp_path).publish({"unetpp": 0})
    assert let_in(gate, 10) == 4


@pytest.mark.parametrize("content", [b"", b"\xff" * 7, b"\xff" * 88, b"\xff" * 4096])
def test_damaged_board_refuses_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pressure").write_bytes(content)
    assert let_in(admission(tmp_path), 10) == 10


def test_without_a_run_folder_everything_is_let_in() -> None:
    assert let_in(admission(None), 100) == 100


def test_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="unet_plus"):
        PressureBoard(tmp_path).publish({"unet_plus": 1})


@pytest.mark.parametrize(("max_waiting", "instances"), [(0, 1), (1, 0)])
def test_impossible_limit_is_refused(max_waiting: int, instances: int) -> None:
    with pytest.raises(ContractError, match="at least 1"):
        Admission(None, UNETPP, max_waiting=max_waiting, instances=instances)
