"""A server that speaks KServe v2 like Triton, over real sockets on loopback, and marks dark pixels."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from wrinkle_client.testing.fake_backend import FakeBackend, ReceivedCall
from wrinkle_client.testing.mock_transport import Handler, fake_answer
from wrinkle_core.errors import InvalidParameterError, WrinkleError

if TYPE_CHECKING:
    from wrinkle_client.testing.kserve_grpc_server import KServeGrpcServer
    from wrinkle_client.testing.kserve_http_server import KServeHttpServer

__all__ = ["FakeServer", "ReceivedCall"]


class FakeServer:
    """HTTP and gRPC on two free ports of this machine, from ``with`` to its end; needs no Triton and no network.

    Answers follow from the photographs, see ``make_result``. The server may be used by any number of clients at once.

    Example:
        >>> from wrinkle_client import Client, NoFaceError
        >>> with FakeServer() as server, Client(server.http_url) as client:
        ...     server.fail_next(NoFaceError("No face was found."))
        ...     client.segment(photo)
        Traceback (most recent call last):
        wrinkle_core.errors.NoFaceError: No face was found.
    """

    def __init__(
        self, *, handler: Handler = fake_answer, delay_s: float = 0.0, http_port: int = 0, grpc_port: int = 0
    ) -> None:
        """Set up; nothing listens before ``with`` or ``start``.

        Args:
            handler: Answers a request in place of ``fake_answer``, as for ``MockTransport``; called by many threads.
            delay_s: Time every inference takes.
            http_port: Port of HTTP; 0 takes a free one.
            grpc_port: Port of gRPC; 0 takes a free one.

        Raises:
            InvalidParameterError: ``delay_s`` is below 0.
        """
        if delay_s < 0:
            raise InvalidParameterError(f"delay_s is {delay_s}, expected 0 or more.")
        self._backend = FakeBackend(handler, delay_s=delay_s)
        self._ports = http_port, grpc_port
        self._http: KServeHttpServer | None = None
        self._grpc: KServeGrpcServer | None = None

    def __enter__(self) -> FakeServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def http_url(self) -> str:
        """URL for ``Client`` over HTTP."""
        return f"http://127.0.0.1:{_running(self._http).port}"

    @property
    def grpc_url(self) -> str:
        """URL for ``Client`` over gRPC."""
        return f"grpc://127.0.0.1:{_running(self._grpc).port}"

    @property
    def received(self) -> tuple[ReceivedCall, ...]:
        """The inferences so far, in order of arrival; the last 10,000 of them."""
        return tuple(self._backend.received)

    @property
    def delay_s(self) -> float:
        """Time every inference takes; may be set at any moment."""
        return self._backend.delay_s

    @delay_s.setter
    def delay_s(self, delay_s: float) -> None:
        self._backend.delay_s = delay_s

    def fail_next(self, error: WrinkleError, times: int = 1) -> None:
        """Answer the next ``times`` inferences with ``error``; ``ServerUnreachableError`` cuts the connection."""
        self._backend.fail_next(error, times)

    def start(self) -> None:
        """Listen and answer.

        Raises:
            OSError: A port is taken.
        """
        from wrinkle_client.testing.kserve_grpc_server import KServeGrpcServer
        from wrinkle_client.testing.kserve_http_server import KServeHttpServer

        http_port, grpc_port = self._ports
        with ExitStack() as undo:
            over_http = KServeHttpServer(self._backend, http_port)
            undo.callback(over_http.server_close)
            over_grpc = KServeGrpcServer(self._backend, grpc_port)
            undo.pop_all()
        self._backend.start()
        over_http.start()
        over_grpc.start()
        self._http, self._grpc = over_http, over_grpc

    def stop(self) -> None:
        """Close every connection; returns when no thread is left. May be called twice."""
        self._backend.stop()
        for server in (self._http, self._grpc):
            if server is not None:
                server.stop()
        self._http = self._grpc = None


def _running(server: KServeHttpServer | KServeGrpcServer | None) -> KServeHttpServer | KServeGrpcServer:
    if server is None:
        raise InvalidParameterError("The fake server does not run; use it in a with block.")
    return server
