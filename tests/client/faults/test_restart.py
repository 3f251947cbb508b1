"""A server that is replaced on its port while clients of every way are at work: calls wait for it, none is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from driven_client import CLIENTS, connect
from supervised_server import wait_until
from wrinkle_client import RetryPolicy
from wrinkle_client.testing import FakeServer

TRIES_MEANWHILE = 4
PATIENT = RetryPolicy(wait_initial_s=0.02, wait_jitter_s=0.02, wait_max_s=0.2)
WAYS = tuple(product(CLIENTS, ("http", "grpc")))


def test_calls_of_every_way_ride_over_a_restart(photo: bytes, retries: dict[int, int]) -> None:
    stopped, every_client_has_answered = threading.Event(), threading.Barrier(len(WAYS) + 1)
    with FakeServer() as server:
        urls = {"http": server.http_url, "grpc": server.grpc_url}
        ports = {protocol: int(url.rpartition(":")[2]) for protocol, url in urls.items()}

        def work(way: tuple[str, str]) -> int:
            kind, protocol = way
            with connect(kind, urls[protocol], retry=PATIENT) as client:
                expected = client.segment(photo)
                every_client_has_answered.wait(20)
                assert stopped.wait(20)
                again = client.segment(photo)
                assert again == expected
                return again.timings.attempts

        with ThreadPoolExecutor(len(WAYS)) as threads:
            calls = [threads.submit(work, way) for way in WAYS]
            every_client_has_answered.wait(20)
            server.stop()
            stopped.set()
            wait_until(lambda: len(retries) == len(WAYS) and min(retries.values()) >= TRIES_MEANWHILE, 20)
            with FakeServer(http_port=ports["http"], grpc_port=ports["grpc"]):
                attempts = {way: call.result() for way, call in zip(WAYS, calls, strict=True)}
    assert min(attempts.values()) > TRIES_MEANWHILE, attempts
