"""What Triton's counters tell about progress."""

from __future__ import annotations

import time

import pytest

from wrinkle_server.supervision.queue_watch import QueueWatch

NOW_S = 1000.0


def page(pending: int, succeeded: int, failed: int = 0) -> str:
    return (
        "# TYPE nv_inference_pending_request_count gauge\n"
        f'nv_inference_pending_request_count{{model="unetpp",version="1"}} {pending}\n'
        f'nv_inference_request_success{{model="unetpp",version="1"}} {succeeded}\n'
        f'nv_inference_request_failure{{model="unetpp",reason="BACKEND",version="1"}} {failed}\n'
        f'nv_inference_request_failure{{model="unetpp",reason="OTHER",version="1"}} 0\n'
    )


class Clock:
    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def test_queue_that_does_not_move_is_stuck_after_the_limit(clock: Clock) -> None:
    watch = QueueWatch()
    for seconds in range(12):
        clock.now_s = NOW_S + seconds
        watch.read(page(pending=3, succeeded=7))
    assert watch.waiting == {"unetpp": 3}
    assert watch.stuck_models(15.0) == ()
    assert watch.stuck_models(10.0) == ("unetpp",)


@pytest.mark.parametrize("moves", ["succeeded", "failed"])
def test_queue_that_moves_is_not_stuck_however_long_it_is(moves: str, clock: Clock) -> None:
    watch = QueueWatch()
    for seconds in range(30):
        clock.now_s = NOW_S + seconds
        watch.read(page(pending=60, **{"succeeded": 0, "failed": 0, moves: seconds}))
    assert watch.stuck_models(2.0) == ()


def test_empty_queue_is_idle_and_not_stuck(clock: Clock) -> None:
    watch = QueueWatch()
    watch.read(page(pending=0, succeeded=1))
    clock.now_s += 30
    watch.read(page(pending=0, succeeded=1))
    assert watch.stuck_models(1.0) == ()
    assert watch.idle_s("unetpp") == 30


def test_neither_failures_nor_other_models_prove_that_a_model_works(clock: Clock) -> None:
    watch = QueueWatch()
    clock.now_s += 20
    watch.read(page(pending=0, succeeded=0, failed=5) + page(0, 9).replace("unetpp", "skin_mask"))
    assert (watch.idle_s("unetpp"), watch.idle_s("skin_mask")) == (20, 0)


def test_server_that_tells_nothing_is_silent(clock: Clock) -> None:
    watch = QueueWatch()
    clock.now_s += 5
    watch.read(page(pending=0, succeeded=0))
    clock.now_s += 7
    assert watch.silent_s() == 7


def test_versions_of_a_model_are_added_up() -> None:
    watch = QueueWatch()
    watch.read(page(2, 1) + 'nv_inference_pending_request_count{model="unetpp",version="2"} 3\n')
    assert watch.waiting == {"unetpp": 5}
