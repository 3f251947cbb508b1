"""Envoy's administration interface, which listens on a Unix socket in a folder of mode 0700 and nowhere else.

Source: Envoy ``operations/admin``.
"""

from __future__ import annotations

import http.client
import re
from pathlib import Path
from typing import Final

from wrinkle_server.gateway.listener import STAT_PREFIX
from wrinkle_server.gateway.routes import HTTP_CLUSTER
from wrinkle_server.triton.unix_http import UnixHTTPConnection

__all__ = ["EnvoyAdmin"]

_TIMEOUT_S: Final = 2.0
_MAX_ANSWER_BYTES: Final = 1024 * 1024
_ACTIVE: Final = f"http.{STAT_PREFIX}.downstream_rq_active"
_HEALTHY: Final = f"cluster.{HTTP_CLUSTER}.membership_healthy"


class EnvoyAdmin:
    """Asks one Envoy; every method tells "no answer" apart from an answer, and none waits longer than two seconds."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    def is_live(self) -> bool:
        """Return whether Envoy listens: its servers have been asked for their health once."""
        return self._ask("GET", "/ready") is not None

    def call_unready(self) -> None:
        """Answer ``/v2/health/ready`` with 503 from now on, so that balancers leave; everything else goes on."""
        self._ask("POST", "/healthcheck/fail")

    def stop_listening(self) -> None:
        """Ask clients to leave with their next answer, and take no new connections; requests in flight go on."""
        self._ask("POST", "/drain_listeners?graceful")

    def requests_in_flight(self) -> int:
        """Return how many requests are not answered yet; 0 when Envoy does not answer."""
        return self._gauge(_ACTIVE)

    def healthy_backends(self) -> int:
        """Return how many backends say that they are ready; 0 when Envoy does not answer."""
        return self._gauge(_HEALTHY)

    def _gauge(self, name: str) -> int:
        answer = self._ask("GET", f"/stats?filter=^{re.escape(name)}$") or ""
        found = re.search(r": (\d+)$", answer.strip())
        return int(found[1]) if found else 0

    def _ask(self, method: str, target: str) -> str | None:
        connection = UnixHTTPConnection(self._socket_path, _TIMEOUT_S)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            body = answer.read(_MAX_ANSWER_BYTES).decode("utf-8", "replace")
            return body if answer.status == http.client.OK else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
