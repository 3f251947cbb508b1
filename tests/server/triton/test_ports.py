"""Taken ports are told before the server starts."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from wrinkle_core.errors import ServerStartError
from wrinkle_server.triton.ports import free_ports, port_is_free, require_free_ports

HOST = "127.0.0.1"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_taken_port_is_named_with_the_option_that_changes_it(taken_port: int) -> None:
    with pytest.raises(ServerStartError, match=rf"Port {taken_port} .* choose another with --grpc-port"):
        require_free_ports(HOST, {"--grpc-port": taken_port})


def test_the_same_port_twice_is_refused() -> None:
    with pytest.raises(ServerStartError, match="must be different ports"):
        require_free_ports(HOST, {"--http-port": 8000, "--grpc-port": 8001, "--metrics-port": 8000})


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(3)
    assert len(set(ports)) == 3
    assert all(port_is_free(HOST, port) for port in ports)
