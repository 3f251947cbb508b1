"""A TCP proxy that does to connections what networks do: delays, cuts, resets, half-closes, refuses, swallows."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Fault", "FaultProxy", "black_hole"]

_CHUNK_BYTES = 4096
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


@dataclass(frozen=True)
class Fault:
    """What happens to the server's bytes on their way to the client.

    Attributes:
        kind: ``cut`` closes both ways, ``reset`` with a RST, ``half-close`` ends only the way to the client,
            ``swallow`` hands on nothing any more, ``trickle`` hands on a byte at a time, ``delay`` waits first.
        after_bytes: How many of the server's bytes pass before.
        delay_s: For ``delay``, and between the bytes of ``trickle``.
    """

    kind: Literal["cut", "reset", "half-close", "swallow", "trickle", "delay"]
    after_bytes: int = 0
    delay_s: float = 0.02


@dataclass
class FaultProxy:
    """Stands on a port of its own before ``target_port``; a context manager runs it.

    Attributes:
        target_port: Where the healthy server listens.
        fault: What happens to new connections; None hands everything on.
        faulty_connections: The first so many connections get ``fault``, later ones none.
        connections: How many came.
    """

    target_port: int
    fault: Fault | None = None
    faulty_connections: float = float("inf")
    connections: int = 0
    _listener: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> FaultProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._listener is not None
        self._ending.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            _end(connection)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = listener.accept()
                self.connections += 1
                fault = self.fault if self.connections <= self.faulty_connections else None
                try:
                    server = socket.create_connection(("127.0.0.1", self.target_port))
                except OSError:  # the server is away: so is this
                    client.close()
                    continue
                self._open += [client, server]
                self._start(self._to_server, client, server)
                self._start(self._to_client, server, client, fault)

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK_BYTES):
                server.sendall(data)
        _end(server)

    def _to_client(self, server: socket.socket, client: socket.socket, fault: Fault | None) -> None:
        left = float("inf") if fault is None else fault.after_bytes
        with suppress(OSError):
            while data := server.recv(_CHUNK_BYTES):
                if len(data) < left:
                    client.sendall(data)
                    left -= len(data)
                    continue
                assert fault is not None
                client.sendall(data[: int(left)])
                rest, left = data[int(left) :], 0 if fault.kind == "trickle" else float("inf")
                if not self._befall(fault, client, rest):
                    break
        if fault is None or fault.kind not in ("swallow", "half-close"):
            _end(client)
        if fault is None or fault.kind != "swallow":
            _end(server)

    def _befall(self, fault: Fault, client: socket.socket, rest: bytes) -> bool:
        """Do it, and return whether the connection goes on."""
        if fault.kind == "delay":
            self._ending.wait(fault.delay_s)
            client.sendall(rest)
            return True
        if fault.kind == "trickle":
            for byte in rest:
                client.sendall(bytes([byte]))
                self._ending.wait(fault.delay_s)
            return True
        if fault.kind == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.shutdown(socket.SHUT_RD)  # wakes the reader: a RST goes out when nobody holds the socket
            client.close()
        elif fault.kind == "half-close":
            client.shutdown(socket.SHUT_WR)
        return False


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # gone already
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def black_hole() -> Iterator[int]:
    """Give a port at which connecting never ends: its queue of connections is full, and nobody accepts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        queued = [socket.socket() for _ in range(4)]
        for each in queued:
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(("127.0.0.1", port))
        time.sleep(0.1)
        try:
            yield port
        finally:
            for each in queued:
                each.close()
