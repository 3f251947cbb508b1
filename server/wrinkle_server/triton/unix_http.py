"""HTTP over a Unix socket: for doors that nobody but their owner may reach.

Source: unix(7); whoever may search the socket's folder may connect.
"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ServerStartError

__all__ = ["UnixHTTPConnection", "require_socket_path"]

_MAX_PATH_BYTES: Final = 107


class UnixHTTPConnection(http.client.HTTPConnection):
    """One connection to the server that listens at a path.

    Args:
        path: The socket.
        timeout_s: Longest wait for one step of the exchange.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect; called by the first request."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def require_socket_path(path: Path) -> None:
    """Check that a Unix socket can have this path.

    Raises:
        ServerStartError: It is too long.
    """
    if len(str(path).encode()) > _MAX_PATH_BYTES:
        raise ServerStartError(f"{path} is too long for a socket; let TMPDIR name a folder with a shorter path.")
