"""The pool of shared memory without a server: nothing is left, and no place is lost, however a call ends."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from wrinkle_client import ServerFaultError, ServingError
from wrinkle_client.asyncio_runtime import AsyncioRuntime
from wrinkle_client.deadline import Deadline
from wrinkle_client.failures import closed
from wrinkle_client.runtime import BlockingRuntime, run_now
from wrinkle_client.testing import MockTransport
from wrinkle_client.transports import shared_memory
from wrinkle_client.transports.messages import InferenceRequest, MemoryRegion, RawAnswer
from wrinkle_client.transports.shared_memory import SharedMemoryTransport


class Recorded(MockTransport):
    """Takes every region and, like Triton, forgets none that it reads; notes whether an input came in memory."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.in_memory: list[bool] = []
        self.registered: set[str] = set()
        self.reads: set[str] = set()
        self.fails = False
        self.unregistering: asyncio.Event | None = None
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def answer(self, request: InferenceRequest) -> RawAnswer:
        self.in_memory.append(bool(request.regions))
        read = {region.name for region in request.regions.values()}
        self.reads |= read
        self.reached.set()
        self.go_on.wait(10)
        self.reads -= read
        if self.fails:
            raise ServerFaultError("The server failed.")
        return RawAnswer("1", request.request_id, {})

    async def register_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        self._require_open()
        self.registered.add(region.name)

    async def unregister_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        self._require_open()
        if region.name in self.reads:
            raise ServerFaultError(f"Cannot unregister shared memory region '{region.name}', it is currently in use.")
        self.registered.discard(region.name)
        if self.unregistering is not None:
            self.unregistering.set()
            await asyncio.sleep(60)


def a_request() -> InferenceRequest:
    return InferenceRequest("wrinkle_unetpp", {"IMAGE": np.zeros(1000, np.uint8)}, (), "id")


def regions() -> list[str]:
    return sorted(path.name for path in Path("/dev/shm").glob(f"wrinkle-client-{os.getpid()}-*"))


def test_calls_cancelled_while_a_region_is_replaced_cost_no_place() -> None:
    before = regions()

    async def use() -> list[bool]:
        server = Recorded()
        transport = SharedMemoryTransport(server, AsyncioRuntime())
        for _ in range(9):
            server.fails = True
            with pytest.raises(ServerFaultError):  # so that its region is replaced by the next call
                await transport.infer(a_request(), Deadline.after(5))
            server.fails, server.unregistering = False, asyncio.Event()
            call = asyncio.create_task(transport.infer(a_request(), Deadline.after(5)))
            await asyncio.wait_for(server.unregistering.wait(), 5)
            server.unregistering = None
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await transport.close()
        return server.in_memory

    assert asyncio.run(use()) == [True] * 9
    assert regions() == before


def test_closing_waits_until_the_server_has_let_go_of_a_region_in_use(caplog: pytest.LogCaptureFixture) -> None:
    before = regions()
    server = Recorded()
    transport = SharedMemoryTransport(server, BlockingRuntime())
    server.go_on.clear()
    call = threading.Thread(target=lambda: run_now(transport.infer(a_request(), Deadline.after(20))))
    call.start()
    assert server.reached.wait(10)
    threading.Timer(0.1, server.go_on.set).start()
    run_now(transport.close())
    call.join()
    assert (server.registered, regions()) == (set(), before)
    with caplog.at_level(logging.WARNING), pytest.raises(ServingError, match=str(closed())):
        run_now(transport.infer(a_request(), Deadline.after(5)))
    assert caplog.messages == []


def test_closing_does_not_wait_for_ever_and_the_region_goes_with_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "_FAREWELL_S", 0.1)
    before = regions()
    server = Recorded()
    transport = SharedMemoryTransport(server, BlockingRuntime())
    server.go_on.clear()
    call = threading.Thread(target=lambda: run_now(transport.infer(a_request(), Deadline.after(20))))
    call.start()
    assert server.reached.wait(10)
    run_now(transport.close())
    assert call.is_alive()
    server.go_on.set()
    call.join()
    assert regions() == before


def test_a_region_that_the_server_reads_after_a_failed_call_is_kept_until_it_lets_go() -> None:
    before = regions()
    server = Recorded()
    transport = SharedMemoryTransport(server, BlockingRuntime())
    server.fails = True
    with pytest.raises(ServerFaultError):
        run_now(transport.infer(a_request(), Deadline.after(5)))
    server.fails = False
    server.reads = set(server.registered)  # as when the call timed out here and not there
    run_now(transport.infer(a_request(), Deadline.after(5)))
    assert server.reads < server.registered
    server.reads = set()
    run_now(transport.close())
    assert server.in_memory == [True, True]
    assert (server.registered, regions()) == (set(), before)
