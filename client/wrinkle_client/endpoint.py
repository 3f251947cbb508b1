"""Where the server is: one URL whose scheme names the protocol.

``http://host[:8000][/path]`` and ``https://host[:443][/path]`` speak KServe v2 over HTTP; ``grpc://host[:8001]`` and
``grpcs://host[:443]`` over gRPC; ``torchserve://host[:8080]`` and ``torchserves://host[:443]`` speak TorchServe's own
protocol. A URL without a scheme is refused: ``localhost:8001`` leaves the protocol to a guess.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

from wrinkle_core.errors import InvalidParameterError

__all__ = ["DEFAULT_URL", "Endpoint", "WireProtocol"]

WireProtocol: TypeAlias = Literal["http", "grpc", "torchserve"]

DEFAULT_URL: Final = "http://localhost:8000"
# By scheme: the protocol, whether over TLS, and the port when the URL names none.
_SCHEMES: Final[dict[str, tuple[WireProtocol, bool, int]]] = {
    "http": ("http", False, 8000),
    "https": ("http", True, 443),
    "grpc": ("grpc", False, 8001),
    "grpcs": ("grpc", True, 443),
    "torchserve": ("torchserve", False, 8080),
    "torchserves": ("torchserve", True, 443),
}
_EXAMPLES: Final = "http://localhost:8000 or grpc://localhost:8001"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A parsed server URL.

    Attributes:
        protocol: ``http``, ``grpc`` or ``torchserve``.
        secure: True for TLS.
        host: Host name or address, IPv6 without brackets.
        port: TCP port.
        path: Prefix before ``/v2``, without a slash at the end; always empty for gRPC.
    """

    protocol: WireProtocol
    secure: bool
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, url: str) -> Endpoint:
        """Read a server URL.

        Raises:
            InvalidParameterError: Bad scheme, host or port; credentials, a query or, for gRPC, a path.
        """
        if not url.isascii() or not url.isprintable() or " " in url:
            raise InvalidParameterError(f"The server URL {url!r} holds a blank or a special character.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise InvalidParameterError(f"The server URL has a bad host or port; write {_EXAMPLES}.") from None
        if parts.username is not None or parts.password is not None:
            raise InvalidParameterError("The server URL holds credentials; leave them out, URLs end up in logs.")
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise InvalidParameterError(f"The server URL {url!r} names no protocol or host; write {_EXAMPLES}.")
        if parts.query or parts.fragment:
            raise InvalidParameterError(f"The server URL {url!r} has a query or fragment; write {_EXAMPLES}.")
        protocol, secure, default_port = _SCHEMES[parts.scheme]
        path = parts.path.rstrip("/")
        if path and protocol == "grpc":
            raise InvalidParameterError(f"The server URL {url!r} has a path, which gRPC does not know.")
        return cls(
            protocol=protocol,
            secure=secure,
            host=parts.hostname,
            port=default_port if port is None else port,
            path=path,
        )

    @property
    def authority(self) -> str:
        """``host:port``, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine itself, by its literal name or address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """The URL in full."""
        return f"{self.protocol}{'s' if self.secure else ''}://{self.authority}{self.path}"
