"""The metrics page is read over one connection, and again after that was lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wrinkle_core.errors import ServerUnreachableError
from wrinkle_server.triton.metrics_page import MetricsPage
from wrinkle_server.triton.ports import free_ports

HOST = "127.0.0.1"
PAGE = b'nv_inference_request_success{model="unetpp",version="1"} 7\n'


class Metrics(BaseHTTPRequestHandler):
    """Answers as Triton does; the server's ``callers`` are the ports of those who asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.callers.append(self.client_address[1])
        self.send_response(200 if self.path == "/metrics" and self.server.well else 503)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)
        self.close_connection = self.server.hangs_up

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), Metrics)
        self.callers: list[int] = []
        self.well = True
        self.hangs_up = False


@contextmanager
def serving(port: int) -> Iterator[Server]:
    with Server(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def port() -> int:
    (port,) = free_ports(1)
    return port


@pytest.fixture
def page(port: int) -> Iterator[MetricsPage]:
    page = MetricsPage(HOST, port)
    yield page
    page.close()


def test_all_readings_share_a_connection(page: MetricsPage, port: int) -> None:
    with serving(port) as server:
        assert [page.read() for _ in range(5)] == [PAGE.decode()] * 5
        page.close()
    assert len(server.callers) == 5
    assert len(set(server.callers)) == 1


def test_connection_that_was_lost_costs_one_reading_at_most(page: MetricsPage, port: int) -> None:
    with serving(port) as server:
        server.hangs_up = True
        page.read()
        with pytest.raises(ServerUnreachableError):
            page.read()
        server.hangs_up = False
        assert page.read() == PAGE.decode()


def test_nobody_there_and_an_error_are_told_alike(page: MetricsPage, port: int) -> None:
    with pytest.raises(ServerUnreachableError, match="was not answered: ConnectionRefusedError"):
        page.read()
    with serving(port) as server:
        server.well = False
        with pytest.raises(ServerUnreachableError, match="HTTP 503"):
            page.read()
        server.well = True
        assert page.read() == PAGE.decode()
