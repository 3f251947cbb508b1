"""A step refuses as many as wait beyond what may; an old or missing number refuses nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from wrinkle_core.errors import ContractError, InvalidParameterError, OverloadedError
from wrinkle_server.steps.own_queue import OwnQueue
from wrinkle_server.steps.pressure import MAX_AGE_S, PressureBoard


def queue(folder: Path | None, *, model: str = "threshold", instances: int = 1) -> OwnQueue:
    return OwnQueue(folder, model, max_queue_size=4, instances=instances)


def refused(own: OwnQueue, attempts: int) -> int:
    """Return how many of ``attempts`` requests were refused; those come before the others."""
    outcomes = []
    for _ in range(attempts):
        try:
            own.take()
        except OverloadedError:
            outcomes.append(True)
        else:
            outcomes.append(False)
    assert outcomes == sorted(outcomes, reverse=True)
    return sum(outcomes)


@pytest.mark.parametrize(("pending", "beyond"), [(0, 0), (4, 0), (5, 1), (30, 26)])
def test_as_many_are_refused_as_wait_beyond_the_limit(pending: int, beyond: int, tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"threshold": pending})
    assert refused(queue(tmp_path), 40) == beyond


def test_instance_takes_its_own_count_times_the_instances_for_the_whole(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"threshold": 14})
    assert refused(queue(tmp_path, instances=2), 40) == 5


def test_next_publication_counts_anew(tmp_path: Path) -> None:
    board, own = PressureBoard(tmp_path), queue(tmp_path)
    board.publish({"threshold": 7})
    assert refused(own, 10) == 3
    board.publish({"threshold": 6})
    assert refused(own, 10) == 2


def test_what_was_taken_while_the_numbers_were_read_counts_as_taken(tmp_path: Path) -> None:
    board, own = PressureBoard(tmp_path), queue(tmp_path)
    board.publish({"threshold": 4})
    read_ns = time.monotonic_ns()
    assert refused(own, 3) == 0
    board.publish({"threshold": 9}, read_ns=read_ns)
    assert refused(own, 10) == 2


def test_refusal_says_how_many_wait_and_that_it_may_be_tried_again(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"skin_mask": 7})
    with pytest.raises(OverloadedError, match="7 requests wait at skin_mask, at most 4 may") as caught:
        queue(tmp_path, model="skin_mask").take()
    assert caught.value.retryable


def test_each_model_has_its_own_number(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": 90})
    assert refused(queue(tmp_path), 10) == 0
    assert refused(queue(tmp_path, model="unetpp"), 10) == 10


def test_number_older_than_a_second_refuses_nothing(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"threshold": 90})
    own = queue(tmp_path)
    assert refused(own, 1) == 1
    time.sleep(MAX_AGE_S + 0.05)
    assert refused(own, 10) == 0


def test_without_a_board_nothing_is_refused(tmp_path: Path) -> None:
    assert refused(queue(None), 100) == 0
    assert refused(queue(tmp_path), 100) == 0


def test_warm_up_is_never_refused(tmp_path: Path) -> None:
    PressureBoard(tmp_path).publish({"unetpp": 90})
    own = OwnQueue(tmp_path, "unetpp", max_queue_size=4, instances=1, warm_up_requests=2)
    own.take()
    own.take()
    assert refused(own, 10) == 10


@pytest.mark.parametrize(("max_queue_size", "instances"), [(0, 1), (1, 0)])
def test_impossible_limit_is_refused(max_queue_size: int, instances: int) -> None:
    with pytest.raises(ContractError, match="at least 1"):
        OwnQueue(None, "threshold", max_queue_size=max_queue_size, instances=instances)


def test_ensemble_has_no_queue() -> None:
    with pytest.raises(InvalidParameterError, match="wrinkle_unetpp"):
        queue(None, model="wrinkle_unetpp")
