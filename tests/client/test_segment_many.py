"""Many photographs: bounded, lazy, in order or not, and nothing left behind when the caller stops early."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from wrinkle_client import AsyncClient, Client, InvalidImageError, InvalidParameterError, NoFaceError
from wrinkle_client.testing import FakeServer

CONCURRENCY = 3


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.mark.parametrize("ordered", [True, False])
def test_every_photograph_has_one_outcome_and_errors_are_among_them(
    fake: FakeServer, photo: bytes, kind: str, ordered: bool
) -> None:
    photos = [photo, b"", photo, "nowhere.jpg", photo]
    outcomes = collect(kind, fake.http_url, photos, concurrency=2, ordered=ordered)
    by_index = sorted(outcomes, key=lambda outcome: outcome.index)
    if ordered:
        assert outcomes == by_index
    assert [outcome.error is None for outcome in by_index] == [True, False, True, False, True]
    assert all((outcome.result is None) == (outcome.error is not None) for outcome in outcomes)
    assert isinstance(by_index[3].error, InvalidImageError)


def collect(kind: str, url: str, photos: Any, **options: Any) -> list[Any]:
    if kind == "sync":
        with Client(url) as client:
            return list(client.segment_many(photos, **options))

    async def collected() -> list[Any]:
        async with AsyncClient(url) as client:
            return [outcome async for outcome in client.segment_many(photos, **options)]

    return asyncio.run(collected())


def test_as_they_are_done_a_slow_one_holds_up_no_other(fake: FakeServer, photo: bytes, kind: str) -> None:
    fake.fail_next(NoFaceError("No face."), times=1)
    outcomes = collect(kind, fake.http_url, [photo] * 6, concurrency=2, ordered=False)
    assert sorted(outcome.index for outcome in outcomes) == list(range(6))
    assert sum(outcome.error is not None for outcome in outcomes) == 1


def test_raise_ends_the_run_at_the_first_error(fake: FakeServer, photo: bytes, kind: str) -> None:
    with pytest.raises(InvalidImageError):
        collect(kind, fake.http_url, [photo, b"", *[photo] * 50], concurrency=2, on_error="raise")
    assert len(fake.received) < 20


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"concurrency": 257}, {"on_error": "ignore"}])
def test_options_that_cannot_be_are_refused_before_the_first_photograph(kind: str, options: dict[str, Any]) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("asked for a photograph")
        yield b""

    with pytest.raises(InvalidParameterError):
        collect(kind, "http://127.0.0.1:1", never(), **options)


def test_at_most_so_many_are_in_flight_and_the_iterable_is_read_as_results_are_taken(
    fake: FakeServer, photo: bytes
) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield photo

    with Client(fake.http_url) as client:
        outcomes = client.segment_many(endless(), concurrency=CONCURRENCY)
        for number in range(10):
            assert next(outcomes).index == number
            assert taken <= number + 1 + 2 * CONCURRENCY
        outcomes.close()
        assert taken <= 10 + 2 * CONCURRENCY
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("wrinkle-segment")]


def test_closing_an_asynchronous_run_cancels_what_is_in_flight(fake: FakeServer, photo: bytes) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield photo

    async def leave_early() -> float:
        async with AsyncClient(fake.http_url) as client:
            async with aclosing(client.segment_many(endless(), concurrency=CONCURRENCY)) as outcomes:
                async for outcome in outcomes:
                    assert outcome.error is None
                    fake.delay_s = 30.0
                    await asyncio.sleep(0.2)
                    break
                started_s = time.monotonic()
            ended_s = time.monotonic()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return ended_s - started_s

    assert asyncio.run(leave_early()) < 5


def test_an_iterable_that_fails_ends_the_run_with_its_own_error(fake: FakeServer, photo: bytes, kind: str) -> None:
    def broken() -> Iterator[bytes]:
        yield photo
        raise RuntimeError("the card was pulled out")

    with pytest.raises(RuntimeError, match="pulled out"):
        collect(kind, fake.http_url, broken(), concurrency=CONCURRENCY)


def test_an_outcome_s_repr_shows_no_photograph(fake: FakeServer, photo: bytes) -> None:
    (good, bad) = collect("sync", fake.http_url, [photo, b""])
    assert "SegmentationResult" in repr(good)
    assert "EMPTY_IMAGE" in repr(bad)
    assert "JFIF" not in repr((good, bad))
