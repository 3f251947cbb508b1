"""One client shared by 64 threads, or by 256 tasks: no error, and every answer belongs to its own photograph.

2,000 calls of each kind against the fake server, over real sockets: it marks what is dark, so an answer tells its
photograph. Two hundred more against the real server, each compared with what the same photograph gives alone.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client import AsyncClient, Client, RetryPolicy, SegmentationResult
from wrinkle_client.testing import FakeServer

THREADS, TASKS = 64, 256
LIVE_CALLS = 100
# A queue that is full for a moment is no failure here: what counts is that every call ends well in the end.
PATIENT = RetryPolicy(attempts=200, wait_initial_s=0.05, wait_jitter_s=0.2, wait_max_s=0.5)
KINDS = {"threads": lambda *each: by_threads(*each), "tasks": lambda *each: asyncio.run(by_tasks(*each))}


def by_threads(url: str, photos: Sequence[bytes], calls: int) -> list[SegmentationResult]:
    with Client(url, retry=PATIENT) as client, ThreadPoolExecutor(THREADS) as threads:
        numbers = range(calls)
        return list(threads.map(lambda number: segment_with(client, photos, number), numbers))


def segment_with(client: Client, photos: Sequence[bytes], number: int) -> SegmentationResult:
    return client.segment(photos[number % len(photos)], request_id=f"call-{number}", timeout_s=120)


async def by_tasks(url: str, photos: Sequence[bytes], calls: int) -> list[SegmentationResult]:
    places = asyncio.Semaphore(TASKS)
    async with AsyncClient(url, retry=PATIENT) as client:

        async def one(number: int) -> SegmentationResult:
            async with places:
                photo = photos[number % len(photos)]
                return await client.segment(photo, request_id=f"call-{number}", timeout_s=120)

        return list(await asyncio.gather(*map(one, range(calls))))


@pytest.fixture(scope="module")
def marked_photos() -> list[tuple[bytes, NDArray[np.uint8]]]:
    """Return pictures of 24 x 16 pixels and what is dark in them, which no two share."""
    made = []
    for number in range(1, 200):
        bits = np.array([number >> place & 1 for place in range(8)], np.uint8)
        dark = np.zeros((16, 24), np.uint8)
        dark[4:12, 8:16] = bits
        buffer = io.BytesIO()
        Image.fromarray(np.where(dark, np.uint8(0), np.uint8(255))).convert("RGB").save(buffer, "PNG")
        made.append((buffer.getvalue(), dark))
    return made


@pytest.fixture(scope="module")
def fake_server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.mark.parametrize(
    ("kind", "protocol", "calls"),
    [("threads", "http", 2_000), ("tasks", "grpc", 2_000), ("threads", "grpc", 500), ("tasks", "http", 500)],
)
def test_no_answer_of_many_calls_is_another_call_s(
    fake_server: FakeServer, marked_photos: Any, kind: str, protocol: str, calls: int
) -> None:
    photos = [photo for photo, _ in marked_photos]
    url = {"http": fake_server.http_url, "grpc": fake_server.grpc_url}[protocol]
    results = KINDS[kind](url, photos, calls)
    assert [result.request_id for result in results] == [f"call-{number}" for number in range(calls)]
    for number, result in enumerate(results):
        np.testing.assert_array_equal(result.mask, marked_photos[number % len(photos)][1])


@pytest.fixture(scope="module")
def faces(grace_hopper_jpeg: bytes, astronaut_rgb: NDArray[np.uint8]) -> list[bytes]:
    """Return photographs of several sizes, so that no two answers agree."""
    with Image.open(io.BytesIO(grace_hopper_jpeg)) as hopper:
        pictures = [hopper.resize((side, round(side * 600 / 512))) for side in (320, 400)]
    pictures += [Image.fromarray(astronaut_rgb).resize((side, side)) for side in (300, 380)]
    encoded = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=92)
        encoded.append(buffer.getvalue())
    return encoded


@pytest.mark.live
@pytest.mark.parametrize(("kind", "protocol"), [("threads", "grpc"), ("tasks", "http")])
def test_the_real_server_mixes_nothing_up_either(
    live_urls: dict[str, str], faces: list[bytes], kind: str, protocol: str
) -> None:
    with Client(live_urls["http"]) as client:
        alone = [client.segment(photo).mask for photo in faces]
    results = KINDS[kind](live_urls[protocol], faces, LIVE_CALLS)
    for number, result in enumerate(results):
        np.testing.assert_array_equal(result.mask, alone[number % len(faces)])
