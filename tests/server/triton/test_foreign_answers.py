"""Another program on Triton's port answers otherwise, and that is a typed error too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from wrinkle_core.errors import ServerFaultError
from wrinkle_server.triton.admin_api import AdminApi
from wrinkle_server.triton.raw_inference import infer_raw

HOST = "127.0.0.1"


class Page(BaseHTTPRequestHandler):
    """Answers everything with a web page."""

    def do_GET(self) -> None:
        body = b"<html>It works!</html>"
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer((HOST, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "ask",
    [
        lambda port: AdminApi(HOST, port, port, port, "key").config("wrinkle_unetpp"),
        lambda port: infer_raw(HOST, port, "wrinkle_unetpp", b"photo", 5.0),
    ],
    ids=["administration", "inference"],
)
def test_web_page_is_a_server_fault(ask: Callable[[int], object], port: int) -> None:
    with pytest.raises(ServerFaultError):
        ask(port)
