"""What only the client on an event loop can do wrong: loops, cancelled tasks, closing under way."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from stopwatch import Stopwatch
from wrinkle_client import AsyncClient, Client, DeadlineExceededError, Limits, RemotePhoto, ServingError, UrlPolicy
from wrinkle_client.asyncio_runtime import AsyncioRuntime
from wrinkle_client.deadline import Deadline
from wrinkle_client.testing import FakeServer, MockTransport
from wrinkle_client.transports.messages import Compression
from wrinkle_client.transports.transport import Transport

PROTOCOLS = ("http", "grpc")
BEATS = 20


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


def url_of(fake: FakeServer, protocol: str) -> str:
    return {"http": fake.http_url, "grpc": fake.grpc_url}[protocol]


def test_servers_that_send_no_photograph_keep_no_other_call_waiting(photo: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"
        policy = UrlPolicy(schemes=("http",), trusted_hosts=(host,), timeout_s=2.0)

        async def use() -> None:
            async with AsyncClient(transport=MockTransport()) as client:
                stuck = [asyncio.create_task(client.segment(RemotePhoto(f"http://{host}/", policy))) for _ in range(6)]
                await asyncio.sleep(0.1)
                with Stopwatch() as took:
                    await client.segment(photo)
                for error in await asyncio.gather(*stuck, return_exceptions=True):
                    assert isinstance(error, DeadlineExceededError)
                assert took.own_s < 1.0

        asyncio.run(use())


def test_nothing_is_begun_after_the_deadline() -> None:
    begun: list[bool] = []

    async def use() -> None:
        runtime = AsyncioRuntime()
        deadline = Deadline.after(0.001)
        await asyncio.sleep(0.01)
        with pytest.raises(DeadlineExceededError):
            await runtime.compute(lambda: begun.append(True), deadline)
        await asyncio.sleep(0.05)
        runtime.close()

    asyncio.run(use())
    assert begun == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_another_event_loop_is_told_to_make_its_own_client(fake: FakeServer, photo: bytes, protocol: str) -> None:
    client = AsyncClient(url_of(fake, protocol))

    async def use() -> None:
        await client.segment(photo)

    async def use_and_close() -> None:
        with pytest.raises(ServingError, match="another event loop"):
            await client.segment(photo)

    first = asyncio.new_event_loop()
    first.run_until_complete(use())
    asyncio.run(use_and_close())
    first.run_until_complete(client.close())
    first.close()


async def arrived(fake: FakeServer, calls: int) -> None:
    """Wait until the server is at work on the last of so many calls."""
    while len(fake.received) < calls:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_cancelled_task_ends_at_once_and_the_client_goes_on(fake: FakeServer, photo: bytes, protocol: str) -> None:
    async def cancel() -> None:
        async with AsyncClient(url_of(fake, protocol), limits=Limits(max_connections=1)) as client:
            await client.segment(photo)
            fake.delay_s = 20.0
            call = asyncio.create_task(client.segment(photo))
            await arrived(fake, 2)
            fake.delay_s = 0.0
            with Stopwatch() as took:
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            assert took.own_s < 0.5
            await client.segment(photo)  # the one connection was given up and made anew

    asyncio.run(cancel())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_closing_ends_calls_in_flight_with_an_error_that_says_so(fake: FakeServer, photo: bytes, protocol: str) -> None:
    async def close_meanwhile() -> None:
        client = AsyncClient(url_of(fake, protocol))
        await client.segment(photo)
        fake.delay_s = 20.0
        call = asyncio.create_task(client.segment(photo))
        await arrived(fake, 2)
        with Stopwatch() as took:
            await client.close()
            with pytest.raises(ServingError, match="closed"):
                await call
        assert took.own_s < 3

    asyncio.run(close_meanwhile())


def test_the_loop_stays_responsive_while_the_server_thinks(server: Any, photo: bytes) -> None:
    """The server answers only once the loop has beaten often enough since it was asked."""
    thinks, beaten = threading.Event(), threading.Event()

    def think(*call: Any) -> Any:
        thinks.set()
        assert beaten.wait(20)
        return server.behave_well(*call)

    async def beat() -> None:
        async with AsyncClient(server.url) as client:
            call = asyncio.create_task(client.segment(photo))
            beats = 0
            while not call.done():
                await asyncio.sleep(0.01)
                beats += thinks.is_set()
                if beats > BEATS:
                    beaten.set()
            await call

    server.behaviour = think
    asyncio.run(beat())
    assert beaten.is_set()


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_the_loop_does_not_compress(
    fake: FakeServer, photo: bytes, compression: Compression, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = {"gzip": gzip, "deflate": zlib}[compression]
    compress, on = module.compress, list[str]()

    def noted(data: bytes, *arguments: Any, **options: Any) -> bytes:
        on.append(threading.current_thread().name)
        return bytes(compress(data, *arguments, **options))

    async def use() -> None:
        async with AsyncClient(fake.http_url, compression=compression) as client:
            await client.segment(photo)

    monkeypatch.setattr(module, "compress", noted)
    asyncio.run(use())
    assert [name.partition("_")[0] for name in on] == ["wrinkle-client"]


def test_waiting_for_the_one_http_connection_counts_towards_the_deadline(fake: FakeServer, photo: bytes) -> None:
    fake.delay_s = 1.5

    async def crowd() -> None:
        async with AsyncClient(fake.http_url, limits=Limits(max_connections=1)) as client:
            busy = asyncio.create_task(client.segment(photo))
            await asyncio.sleep(0.2)
            with pytest.raises(DeadlineExceededError):
                await client.segment(photo, timeout_s=0.4)
            await busy

    asyncio.run(crowd())


def test_a_transport_for_event_loops_is_refused_by_the_client_that_blocks(fake: FakeServer, photo: bytes) -> None:
    from wrinkle_client.credentials import Credentials
    from wrinkle_client.endpoint import Endpoint
    from wrinkle_client.runtime import BlockingRuntime
    from wrinkle_client.transports.opening import open_transport

    class Suspends:
        async def infer(self, request: Any, deadline: Any) -> Any:
            await asyncio.sleep(0)

    made: Transport = open_transport(Endpoint.parse(fake.http_url), Limits(), Credentials(), BlockingRuntime())
    made.infer = Suspends().infer  # type: ignore[method-assign]
    with Client(transport=made) as client, pytest.raises(ServingError, match="AsyncClient"):
        client.segment(photo)
