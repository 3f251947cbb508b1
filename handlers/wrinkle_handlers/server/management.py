"""TorchServe's management API over its socket file: which workers there are and what they do.

Source: TorchServe docs/management_api.md, "Describe model".
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from wrinkle_core.errors import ServerFaultError, ServerUnreachableError
from wrinkle_server.triton.unix_http import UnixHTTPConnection

__all__ = ["Management", "Worker"]

_LIMIT_S: Final = 5.0
_READY: Final = "READY"


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker.

    Attributes:
        pid: Its process id; None while it has no process.
        ready: Whether it has loaded its network.
    """

    pid: int | None
    ready: bool


class Management:
    """The management API of one running TorchServe."""

    def __init__(self, socket_path: Path, key: str) -> None:
        self._path = socket_path
        self._key = key

    def workers(self, model: str) -> tuple[Worker, ...]:
        """Return the workers of a model; empty when TorchServe does not know it (yet).

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The answer is not TorchServe's.
        """
        described = self._described(model)
        if described is None:
            return ()
        return tuple(
            Worker(worker["pid"] if worker["pid"] > 0 else None, worker["status"] == _READY)
            for worker in described["workers"]
        )

    def waiting(self, model: str) -> int:
        """Return how many requests wait for a model's workers.

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The answer is not TorchServe's.
        """
        described = self._described(model)
        return 0 if described is None else int(described["jobQueueStatus"]["pendingRequests"])

    def _described(self, model: str) -> dict[str, Any] | None:
        """Return TorchServe's account of a model, None when it does not know it."""
        status, body = self.get(f"/models/{model}")
        if status == HTTPStatus.NOT_FOUND:
            return None
        try:
            (described,) = json.loads(body)
            if {"workers", "jobQueueStatus"} <= described.keys():
                return dict(described)
        except (ValueError, TypeError, AttributeError) as error:
            raise _not_torchserve(status) from error
        raise _not_torchserve(status)

    def get(self, path: str) -> tuple[int, bytes]:
        """Return HTTP status and body of a GET.

        Raises:
            ServerUnreachableError: Nothing answers.
        """
        connection = UnixHTTPConnection(self._path, _LIMIT_S)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._key}"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServerUnreachableError("TorchServe's management API does not answer.") from error
        finally:
            connection.close()


def _not_torchserve(status: int) -> ServerFaultError:
    return ServerFaultError(f"TorchServe's management API answered {status} and no account of the model.")
