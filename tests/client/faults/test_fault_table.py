"""The table of faults: each row against a real misbehaving network, for {Client, AsyncClient} x {HTTP, gRPC}.

The four ways are asked at the same time. Each row says which error comes, after how many tries, and whether the call
runs to its deadline; afterwards no socket, thread or task of a client is left.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from driven_client import CLIENTS, AnyClient, connect
from fault_proxy import Fault, FaultProxy, black_hole
from stopwatch import Stopwatch
from wrinkle_client import (
    DeadlineExceededError,
    RetryPolicy,
    SegmentationResult,
    ServerUnreachableError,
    WrinkleError,
)

ATTEMPTS = 3
POLICY = RetryPolicy(attempts=ATTEMPTS, wait_initial_s=0.01, wait_jitter_s=0.01, wait_max_s=0.05)
TIMEOUT_S = 2.0
SLACK = 1.1
WAYS = tuple(product(CLIENTS, ("http", "grpc")))


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        fault: What the network does to every connection.
        errors: What may come of it.
        tries: How often the call is made.
        at_deadline: Whether it lasts until the deadline.
    """

    fault: Fault
    errors: tuple[type[WrinkleError], ...]
    tries: int
    at_deadline: bool = False


TABLE = {
    "an answer later than the deadline": Row(Fault("delay", 0, TIMEOUT_S + 30.0), (DeadlineExceededError,), 1, True),
    "bytes that trickle": Row(Fault("trickle", 10), (DeadlineExceededError,), 1, True),
    "an answer that never comes": Row(Fault("swallow"), (DeadlineExceededError,), 1, True),
    "half an answer and then nothing": Row(Fault("swallow", 120), (DeadlineExceededError,), 1, True),
    "cut before the answer": Row(Fault("cut"), (ServerUnreachableError,), ATTEMPTS),
    "cut in the answer": Row(Fault("cut", 120), (ServerUnreachableError,), ATTEMPTS),
    "reset before the answer": Row(Fault("reset"), (ServerUnreachableError,), ATTEMPTS),
    "reset in the answer": Row(Fault("reset", 120), (ServerUnreachableError,), ATTEMPTS),
    "half-closed before the answer": Row(Fault("half-close"), (ServerUnreachableError,), ATTEMPTS),
    "half-closed in the answer": Row(Fault("half-close", 120), (ServerUnreachableError,), ATTEMPTS),
}


@dataclass(frozen=True)
class Outcome:
    """What came of one call."""

    came: SegmentationResult | WrinkleError
    tries: int
    took: Stopwatch


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Require that the test leaves no more sockets and threads of clients than there were."""
    before = sockets()
    yield
    ends = time.monotonic() + 5
    while gc.collect() or sockets() > before or client_threads():  # gRPC's own sockets go with its event loop's objects
        assert time.monotonic() < ends, (sockets(), before, client_threads())
        time.sleep(0.02)


def sockets() -> int:
    links = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(each))
        except FileNotFoundError:  # closed meanwhile
            continue
    return sum(link.startswith("socket:") for link in links)


def client_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("wrinkle-")]


def ask_every_way(
    ports: dict[str, int], photo: bytes, retries: dict[int, int], ask: Callable[[AnyClient], Any] | None = None
) -> dict[tuple[str, str], Outcome]:
    """Segment with a new client of each way, all at once, each on a thread of its own."""

    def one(way: tuple[str, str]) -> Outcome:
        kind, protocol = way
        with connect(kind, f"{protocol}://127.0.0.1:{ports[protocol]}", retry=POLICY) as client:
            retries.pop(threading.get_ident(), None)
            with Stopwatch() as took:
                try:
                    came = client.segment(photo, timeout_s=TIMEOUT_S) if ask is None else ask(client)
                except WrinkleError as error:
                    came = error
            return Outcome(came, 1 + retries.get(threading.get_ident(), 0), took)

    with ThreadPoolExecutor(len(WAYS)) as threads:
        return dict(zip(WAYS, threads.map(one, WAYS), strict=True))


@pytest.fixture
def target_ports(http_server: Any, grpc_server: Any) -> dict[str, int]:
    return {
        "http": int(http_server.url.rpartition(":")[2]),
        "grpc": int(grpc_server.url.rpartition(":")[2]),
    }


def behind_proxies(stack: ExitStack, ports: dict[str, int], fault: Fault, **options: Any) -> dict[str, int]:
    return {name: stack.enter_context(FaultProxy(port, fault, **options)).port for name, port in ports.items()}


@pytest.mark.parametrize("name", TABLE)
def test_each_fault_raises_its_error_in_time_after_the_tries_of_the_policy(
    target_ports: dict[str, int], photo: bytes, retries: dict[int, int], nothing_left: None, name: str
) -> None:
    row = TABLE[name]
    with ExitStack() as stack:
        outcomes = ask_every_way(behind_proxies(stack, target_ports, row.fault), photo, retries)
    for way, outcome in outcomes.items():
        assert type(outcome.came) in row.errors, (way, outcome)
        assert outcome.tries == row.tries, (way, outcome)
        assert outcome.took.own_s < SLACK * TIMEOUT_S, (way, outcome)
        if row.at_deadline:
            assert outcome.took.wall_s > 0.95 * TIMEOUT_S, (way, outcome)
        else:
            assert outcome.took.own_s <= 0.95 * TIMEOUT_S, (way, outcome)


@pytest.mark.parametrize("kind", ["cut", "reset", "half-close"])
def test_a_fault_that_passes_is_ridden_over(
    target_ports: dict[str, int], photo: bytes, retries: dict[int, int], nothing_left: None, kind: Any
) -> None:
    with ExitStack() as stack:
        ports = {}
        for protocol, port in target_ports.items():
            ports[protocol] = stack.enter_context(
                FaultProxy(port, Fault(kind, 60), faulty_connections=len(CLIENTS))
            ).port
        outcomes = ask_every_way(ports, photo, retries)
    for way, outcome in outcomes.items():
        assert isinstance(outcome.came, SegmentationResult), (way, outcome)
        assert outcome.came.timings.attempts == outcome.tries, (way, outcome)
    for protocol in target_ports:  # two clients share a proxy: one of them may have met both faults
        assert sum(outcomes[kind, protocol].tries for kind in CLIENTS) == 2 * len(CLIENTS)


def test_connecting_that_never_ends_is_left_at_the_deadline(
    photo: bytes, retries: dict[int, int], nothing_left: None
) -> None:
    with black_hole() as port:
        outcomes = ask_every_way({"http": port, "grpc": port}, photo, retries)
    for way, outcome in outcomes.items():
        assert type(outcome.came) in (DeadlineExceededError, ServerUnreachableError), (way, outcome)
        assert outcome.took.own_s < SLACK * TIMEOUT_S, (way, outcome)


def test_a_port_at_which_nobody_listens_is_tried_as_often_as_the_policy_says(
    closed_port: int, photo: bytes, retries: dict[int, int], nothing_left: None
) -> None:
    outcomes = ask_every_way({"http": closed_port, "grpc": closed_port}, photo, retries)
    for way, outcome in outcomes.items():
        assert type(outcome.came) is ServerUnreachableError, (way, outcome)
        assert outcome.tries == ATTEMPTS, (way, outcome)
        assert outcome.took.own_s < TIMEOUT_S, (way, outcome)
