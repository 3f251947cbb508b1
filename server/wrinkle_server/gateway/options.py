"""How one gateway is started: where it listens, what it trusts, which servers stand behind it, what it bounds.

Defaults fit one machine with a few cores behind it; ``docs/gateway.md`` says what each bound protects.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES
from wrinkle_core.errors import InvalidParameterError

__all__ = ["DEFAULT_PORT", "DEFAULT_REQUESTS_PER_MINUTE", "Backend", "GatewayLimits", "GatewayOptions"]

DEFAULT_PORT: Final = 8443
DEFAULT_REQUESTS_PER_MINUTE: Final = 600
_REQUEST_OVERHEAD_BYTES: Final = 64 * 1024
_MIN_BODY_BYTES: Final = 1024 * 1024
_MAX_BACKENDS: Final = 64
_LOCAL_REQUEST_TIMEOUT_S: Final = 600.0  # callers on this machine have deadlines of their own
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_BACKEND: Final = re.compile(r"(\[[0-9A-Fa-f:]+\]|[^:\[\]]+)(?::(\d{1,5}):(\d{1,5}):(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Backend:
    """One server behind the gateway: a Triton and the supervisor that tells whether it is ready.

    Attributes:
        host: IP address or DNS name; a name may stand for several addresses, each of which is a server.
        http_port: Triton's HTTP inference.
        grpc_port: Triton's gRPC inference.
        health_port: The supervisor's HTTP health port.
        http_socket: Unix socket of Triton's HTTP inference instead of the port, for a server on this machine.

    Raises:
        InvalidParameterError: A host or port is malformed.
    """

    host: str
    http_port: int = 8000
    grpc_port: int = 8001
    health_port: int = 8003
    http_socket: Path | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not self.has_address and not _HOST_NAME.fullmatch(self.host):
            raise InvalidParameterError(f"The backend {self.host!r} is neither an IP address nor a host name.")
        for port in (self.http_port, self.grpc_port, self.health_port):
            _require_port(f"A port of the backend {self.host}", port)

    @classmethod
    def parse(cls, text: str) -> Backend:
        """Read ``HOST`` or ``HOST:HTTP_PORT:GRPC_PORT:HEALTH_PORT``, an IPv6 address in brackets.

        Raises:
            InvalidParameterError: ``text`` is of another form.
        """
        found = _BACKEND.fullmatch(text)
        if found is None:
            raise InvalidParameterError(
                f"A backend is HOST or HOST:HTTP_PORT:GRPC_PORT:HEALTH_PORT, got {text!r}; "
                "for example 10.0.0.5:8000:8001:8003."
            )
        host = found[1].strip("[]")
        if found[2] is None:
            return cls(host)
        return cls(host, int(found[2]), int(found[3]), int(found[4]))

    @property
    def has_address(self) -> bool:
        """True when ``host`` is an IP address, False when it is a name to resolve."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """Every bound of one gateway.

    Attributes:
        max_body_bytes: Size of one request body, the inference header included.
        requests_per_minute: Steady rate of one client (token name, or certificate without tokens); None for any.
        burst: Requests one client may send at once before the steady rate holds.
        request_timeout_s: From the whole request received to the whole answer, retries included.
        upload_timeout_s: For receiving one whole request.
        max_connections: Client connections open at once; one more is closed.
        max_streams: Requests in flight on one HTTP/2 connection.
        max_requests: Requests in flight to all backends, per protocol; one more is answered OVERLOADED.
        max_clients: Clients whose rate is remembered; the least recent is forgotten first.
        max_heap_mib: Envoy's own memory; near it new requests are answered OVERLOADED.

    Raises:
        InvalidParameterError: A bound is out of range.
    """

    max_body_bytes: int = DEFAULT_MAX_ENCODED_BYTES + _REQUEST_OVERHEAD_BYTES
    requests_per_minute: int | None = DEFAULT_REQUESTS_PER_MINUTE
    burst: int = 60
    request_timeout_s: float = 60.0
    upload_timeout_s: float = 30.0
    max_connections: int = 1024
    max_streams: int = 64
    max_requests: int = 128
    max_clients: int = 1000
    max_heap_mib: int = 1024

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not 0 < value < 2**31:
                raise InvalidParameterError(f"{each.name} is {value}, expected more than 0 and less than 2^31.")
        if self.max_body_bytes < _MIN_BODY_BYTES:
            raise InvalidParameterError(
                f"max_body_bytes is {self.max_body_bytes}, expected {_MIN_BODY_BYTES} or more: what arrives while a "
                "token is checked must fit."
            )
        if max(self.request_timeout_s, self.upload_timeout_s) > 3600:
            raise InvalidParameterError("Time limits of the gateway are seconds, at most 3600.")
        if self.max_heap_mib * 2**20 < 4 * self.max_body_bytes:
            raise InvalidParameterError(
                f"max_heap_mib is {self.max_heap_mib}, less than four bodies of {self.max_body_bytes} bytes; raise it."
            )

    def on_this_machine(self) -> GatewayLimits:
        """Return the bounds for callers on the server's own machine: as these, at any rate and with long waits."""
        return replace(self, requests_per_minute=None, request_timeout_s=_LOCAL_REQUEST_TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """What one gateway does.

    Attributes:
        backends: Servers to balance between; at least one.
        host: IP address to listen on.
        port: Serves HTTP/1.1, HTTP/2 and gRPC alike.
        certificate: PEM chain of the server; needed unless ``host`` is loopback.
        private_key: PEM key of ``certificate``.
        client_ca: PEM bundle; when given, every client must show a certificate signed by it.
        token_file: ``name:sha256`` per line; when given, every request must carry a bearer token.
        health_path: On each backend's health port: 200 when the server can serve, 503 when it cannot.
        limits: Every bound.
        access_log: File for the access log, JSON lines; None is standard output.
        max_log_bytes: Length at which a log's file is cut; as much again is kept beside it.
        otlp_endpoint: Collector for traces, ``http://host:port`` (OTLP over HTTP); None sends none.
        trace_sample_rate: Share of requests traced that carry no decision of their own, 0 to 1.
        workers: Envoy's threads; 0 is one per core, up to 4.
        local_address: Address and port on loopback where callers on this machine are let in too, in the clear and
            without a token; None for none.

    Raises:
        InvalidParameterError: The options contradict each other, or would open an unprotected gateway.
    """

    backends: tuple[Backend, ...]
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    certificate: Path | None = None
    private_key: Path | None = None
    client_ca: Path | None = None
    token_file: Path | None = None
    health_path: str = "/readyz"
    limits: GatewayLimits = field(default_factory=GatewayLimits)
    access_log: Path | None = None
    max_log_bytes: int = 64 * 2**20
    otlp_endpoint: str | None = None
    trace_sample_rate: float = 0.01
    workers: int = 0
    local_address: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.backends) <= _MAX_BACKENDS:
            raise InvalidParameterError(f"A gateway needs 1 to {_MAX_BACKENDS} backends, got {len(self.backends)}.")
        _require_port("The gateway's port", self.port)
        if not 0 <= self.trace_sample_rate <= 1:
            raise InvalidParameterError(f"trace_sample_rate is {self.trace_sample_rate}, expected 0 to 1.")
        if not re.fullmatch(r"/[A-Za-z0-9._/-]*", self.health_path):
            raise InvalidParameterError(f"A health path is a path such as /readyz, got {self.health_path!r}.")
        if not 0 <= self.workers <= 256:
            raise InvalidParameterError(f"workers is {self.workers}, expected 0 to 256.")
        if (self.certificate is None) != (self.private_key is None):
            raise InvalidParameterError("A certificate and its private key belong together; give both or neither.")
        if self.client_ca is not None and self.certificate is None:
            raise InvalidParameterError("Client certificates need TLS; give the gateway a certificate and private key.")
        if self.otlp_endpoint is not None:
            _ = self.collector
        if not self.is_loopback:
            self._require_protection()

    @property
    def doors(self) -> tuple[GatewayOptions, ...]:
        """This door, and as options of its own the one for callers on this machine."""
        if self.local_address is None:
            return (self,)
        host, port = self.local_address
        local = replace(
            self,
            host=host,
            port=port,
            certificate=None,
            private_key=None,
            client_ca=None,
            token_file=None,
            limits=self.limits.on_this_machine(),
            local_address=None,
        )
        return (self, local)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the gateway."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError as error:
            raise InvalidParameterError(f"The gateway listens on an IP address, got {self.host!r}.") from error

    @property
    def collector(self) -> tuple[str, int, str]:
        """Host, port and path of the trace collector."""
        parts = urlsplit(self.otlp_endpoint or "")
        try:
            port = parts.port or 4318
        except ValueError:
            port = 0
        if parts.scheme != "http" or not parts.hostname or not 0 < port or parts.query or parts.username:
            raise InvalidParameterError("otlp_endpoint is a URL such as http://collector:4318 (OTLP over plain HTTP).")
        path = parts.path.rstrip("/")
        return parts.hostname, port, path or "/v1/traces"

    def _require_protection(self) -> None:
        if self.certificate is None:
            raise InvalidParameterError(
                f"A gateway on {self.host} needs TLS: faces must not cross a network in the clear. "
                "Give it a certificate and private key, or listen on 127.0.0.1."
            )
        if self.token_file is None and self.client_ca is None:
            raise InvalidParameterError(
                f"A gateway on {self.host} needs to know who asks: give it a token file (`wrinkle gateway new-token`) "
                "or a client CA, or listen on 127.0.0.1."
            )


def _require_port(subject: str, port: int) -> None:
    if not 0 < port < 65536:
        raise InvalidParameterError(f"{subject} is {port}, expected 1 to 65535.")
