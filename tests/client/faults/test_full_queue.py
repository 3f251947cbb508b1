"""A queue that is full, at the real server: refused at once, tried again as often as the policy says, never lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from live_server import options_on_free_ports, published_queues, serving
from wrinkle_client import NO_RETRIES, AsyncClient, Client, Limits, OverloadedError, WrinkleError
from wrinkle_core.assets import fetch_assets
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork

pytestmark = [pytest.mark.live, pytest.mark.alone]

CALLS = 24
QUEUE = 2
LIMITS = Limits(max_connections=CALLS)
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def short_queue_urls(
    dark_line_served: dict[str, ServedNetwork], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Return the URLs of a server in which hardly anything may wait."""
    folder = tmp_path_factory.mktemp("short-queue")
    fetch_assets()
    deployment = Deployment(
        "openvino", preprocess_instances=1, threshold_instances=1, max_queue_size=QUEUE, max_waiting=QUEUE
    )
    repository = assemble_repository(folder / "repository", {"unetpp": dark_line_served["unetpp"]}, deployment)
    options = options_on_free_ports(repository, folder / "triton.log", "unetpp")
    with serving(options) as server, published_queues(server):
        yield {
            "http": f"http://{options.host}:{options.http_port}",
            "grpc": f"grpc://{options.host}:{options.grpc_port}",
        }


def crowd_of_threads(url: str, photo: bytes) -> list[WrinkleError | None]:
    def one(_number: int) -> WrinkleError | None:
        try:
            client.segment(photo, timeout_s=TIMEOUT_S)
        except WrinkleError as error:
            return error
        return None

    with Client(url, retry=NO_RETRIES, limits=LIMITS) as client, ThreadPoolExecutor(CALLS) as threads:
        return list(threads.map(one, range(CALLS)))


def crowd_of_tasks(url: str, photo: bytes) -> list[WrinkleError | None]:
    async def all_at_once() -> list[WrinkleError | None]:
        async with AsyncClient(url, retry=NO_RETRIES, limits=LIMITS) as client:
            photos = [photo] * CALLS
            return [outcome.error async for outcome in client.segment_many(photos, concurrency=CALLS)]

    return asyncio.run(all_at_once())


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("crowd", [crowd_of_threads, crowd_of_tasks])
def test_a_crowd_is_served_or_told_that_the_queue_is_full(
    short_queue_urls: dict[str, str], grace_hopper_jpeg: bytes, crowd: object, protocol: str
) -> None:
    started_s = time.monotonic()
    errors = crowd(short_queue_urls[protocol], grace_hopper_jpeg)  # type: ignore[operator]
    refused = [error for error in errors if error is not None]
    assert {type(error) for error in refused} == {OverloadedError}
    assert len(refused) <= CALLS - QUEUE
    assert time.monotonic() - started_s < TIMEOUT_S
