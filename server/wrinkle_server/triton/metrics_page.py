"""Triton's metrics page over a connection that is kept, for who reads it many times a second."""

from __future__ import annotations

import http.client
from typing import Final

from wrinkle_core.errors import ServerUnreachableError

__all__ = ["MetricsPage"]

_ASK_TIMEOUT_S: Final = 5.0


class MetricsPage:
    """One reader's connection, opened by the first reading; not safe to use from several threads at once."""

    def __init__(self, host: str, metrics_port: int) -> None:
        self._connection = http.client.HTTPConnection(host, metrics_port, timeout=_ASK_TIMEOUT_S)

    def read(self) -> str:
        """Return the page as it is now.

        Raises:
            ServerUnreachableError: Nothing answers; the next reading opens a connection anew.
        """
        try:
            self._connection.request("GET", "/metrics")
            response = self._connection.getresponse()
            page = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ServerUnreachableError(f"The metrics page was not answered: {type(error).__name__}.") from error
        if response.status != http.client.OK:
            self.close()
            raise ServerUnreachableError(f"The metrics page was answered with HTTP {response.status}.")
        return page.decode()

    def close(self) -> None:
        """Close the connection: a server that stops waits for it."""
        self._connection.close()
