"""Callers that ask again as soon as they are answered."""

from __future__ import annotations

import threading
import time

import pytest

from wrinkle_bench.burst import burst
from wrinkle_bench.pairs import measure_pairs


def test_so_many_callers_ask_at_once_until_so_many_answers_came() -> None:
    lock, inside, most, asked = threading.Lock(), 0, 0, 0
    together = threading.Barrier(3, timeout=20)

    def ask() -> None:
        nonlocal inside, most, asked
        with lock:
            inside, asked = inside + 1, asked + 1
            most = max(most, inside)
        together.wait()
        time.sleep(0.02)
        with lock:
            inside -= 1

    seen = burst(ask, concurrency=3, requests=12)
    assert asked == len(seen.latencies_ms) == 12
    assert most == 3
    assert seen.p50_ms >= 20.0
    assert seen.throughput_hz == pytest.approx(12 / seen.seconds)


def test_an_error_of_a_request_is_not_lost() -> None:
    def ask() -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        burst(ask, concurrency=2, requests=4)


def test_an_error_keeps_the_other_callers_from_asking_on() -> None:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        if len(asked) == 1:
            raise ConnectionError("gone")
        time.sleep(0.5)

    with pytest.raises(ConnectionError, match="gone"):
        burst(ask, concurrency=2, requests=40)
    assert len(asked) <= 4


def test_a_slower_way_shows_in_every_ratio() -> None:
    seen = measure_pairs(lambda: time.sleep(0.03), lambda: time.sleep(0.09), pairs=5, bursts=3, requests=4)
    assert seen.latency_ratio > 1.5
    assert seen.added_ms > 30.0
    assert seen.throughput_ratio < 0.7


def test_neither_way_always_goes_first() -> None:
    asked: list[str] = []
    measure_pairs(lambda: asked.append("base"), lambda: asked.append("other"), pairs=3, bursts=0)
    assert asked == ["base", "other", "other", "base"] * 2
