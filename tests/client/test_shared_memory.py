"""Photographs handed over in memory: the same answers, a clean way out where it is not allowed, nothing left behind."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from driven_client import connect
from live_server import options_on_free_ports, serving
from wrinkle_client import Client, InvalidParameterError, NoFaceError
from wrinkle_client.failures import closed

pytestmark = [pytest.mark.live, pytest.mark.alone]

PROTOCOLS = ("http", "grpc")
MEMORY = Path("/dev/shm")


def regions() -> list[str]:
    return sorted(path.name for path in MEMORY.glob("wrinkle-client-*"))


def mapped(urls: dict[str, str]) -> list[str]:
    """Return the regions that the server has."""
    with urllib.request.urlopen(f"{urls['http']}/v2/systemsharedmemory/status", timeout=10) as reply:
        return [region["name"] for region in json.load(reply)]


@pytest.fixture(scope="module")
def open_urls(small_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the URLs of a server that lets clients register memory."""
    options = options_on_free_ports(small_repository, tmp_path_factory.mktemp("log") / "triton.log", "unetpp")
    with serving(replace(options, shared_memory_api=True)):
        yield {
            "http": f"http://{options.host}:{options.http_port}",
            "grpc": f"grpc://{options.host}:{options.grpc_port}",
        }


@pytest.mark.parametrize(("protocol", "prepare"), [("http", "server"), ("grpc", "server"), ("grpc", "client")])
def test_the_answer_is_the_same_and_the_memory_goes_with_the_client(
    open_urls: dict[str, str],
    grace_hopper_jpeg: bytes,
    flat_png: bytes,
    kind: str,
    protocol: str,
    prepare: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with connect(kind, open_urls[protocol], prepare=prepare) as plain:
        plain.wait_ready(10)  # the server has one model of two
        expected = plain.segment(grace_hopper_jpeg)
    with connect(kind, open_urls[protocol], prepare=prepare, shared_memory=True) as client:
        assert client.segment(grace_hopper_jpeg) == expected
        assert len(regions()) == 1
        with pytest.raises(NoFaceError):
            client.segment(flat_png)
        assert client.segment(grace_hopper_jpeg) == expected
        assert len(regions()) == 1
    assert regions() == []
    assert [record for record in caplog.records if record.name == "wrinkle_client"] == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_threads_have_a_region_each_and_get_their_own_answers(
    open_urls: dict[str, str], grace_hopper_jpeg: bytes, flat_png: bytes, protocol: str
) -> None:
    with Client(open_urls[protocol], shared_memory=True) as client:
        alone = client.segment(grace_hopper_jpeg)
        outcomes = list(client.segment_many([grace_hopper_jpeg, flat_png] * 6, concurrency=12))
        assert 1 <= len(regions()) <= 8
    for good, bad in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert good.result == alone
        assert isinstance(bad.error, NoFaceError)
    assert regions() == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_keeps_it_to_the_administrator_gets_photographs_the_plain_way(
    live_urls: dict[str, str], grace_hopper_jpeg: bytes, kind: str, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "wrinkle_client"):
        with connect(kind, live_urls[protocol], shared_memory=True) as client:
            results = [client.segment(grace_hopper_jpeg) for _ in range(2)]
    assert {result.timings.attempts for result in results} == {1}
    (told,) = (record for record in caplog.records if record.name == "wrinkle_client")
    assert "Shared memory is not used" in told.getMessage()
    assert regions() == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_closing_with_calls_in_flight_leaves_nothing_at_the_server(
    open_urls: dict[str, str], grace_hopper_jpeg: bytes, protocol: str
) -> None:
    client = Client(open_urls[protocol], shared_memory=True)
    with ThreadPoolExecutor(6) as threads:
        calls = [threads.submit(client.segment, grace_hopper_jpeg) for _ in range(6)]
        ends = time.monotonic() + 10
        while not mapped(open_urls):
            assert time.monotonic() < ends
        client.close()
    for call in calls:
        error = call.exception()
        assert error is None or str(error) == str(closed()), error
    assert (mapped(open_urls), regions()) == ([], [])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_has_forgotten_the_memory_gets_the_photograph_the_plain_way(
    open_urls: dict[str, str], grace_hopper_jpeg: bytes, protocol: str
) -> None:
    with Client(open_urls[protocol], shared_memory=True) as client:
        expected = client.segment(grace_hopper_jpeg)
        forget = urllib.request.Request(f"{open_urls['http']}/v2/systemsharedmemory/unregister", b"{}")
        with urllib.request.urlopen(forget, timeout=10):
            assert mapped(open_urls) == []
        again = client.segment(grace_hopper_jpeg)
        assert (again, again.timings.attempts) == (expected, 1)


def test_another_machine_is_refused_at_once() -> None:
    with pytest.raises(InvalidParameterError, match="another one"):
        Client("https://example.org", shared_memory=True)


def test_a_client_that_is_killed_leaves_no_memory(open_urls: dict[str, str], grace_hopper_jpeg: bytes) -> None:
    code = (
        "import sys, time\nfrom wrinkle_client import Client\n"
        f"client = Client({open_urls['grpc']!r}, shared_memory=True)\n"
        "client.segment(sys.stdin.buffer.read())\nprint('done', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(grace_hopper_jpeg)
    process.stdin.close()
    assert process.stdout.readline() == b"done\n"
    assert len(regions()) == 1
    process.kill()
    process.wait()
    process.stdout.close()
    ends = time.monotonic() + 10
    while regions():
        assert time.monotonic() < ends, regions()
        time.sleep(0.05)
