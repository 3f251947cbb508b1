"""What a way of speaking to a server has to offer, so that the clients are the same over all of them, and in tests.

One protocol for both clients. ``AsyncClient`` awaits the methods; ``Client`` runs them to their end at once, so the
coroutines of a transport for ``Client`` never suspend: they block the calling thread instead. A transport that neither
blocks nor suspends, such as one for tests, serves both.
"""

from __future__ import annotations

from typing import Protocol

from wrinkle_client.deadline import Deadline
from wrinkle_client.server_state import ServerInfo
from wrinkle_client.transports.messages import InferenceRequest, RawAnswer

__all__ = ["Transport"]


class Transport(Protocol):
    """One connection, or pool of them, to one server; safe to share between threads, or between tasks of one loop.

    Every method keeps within the deadline and raises only errors of ``wrinkle_core.errors``. None retries.
    """

    async def infer(self, request: InferenceRequest, deadline: Deadline) -> RawAnswer:
        """Run the model that ``request`` names."""

    async def server_live(self, deadline: Deadline) -> bool:
        """Return whether the server says that it is up."""

    async def server_ready(self, deadline: Deadline) -> bool:
        """Return whether the server says that all its models are ready."""

    async def server_info(self, deadline: Deadline) -> ServerInfo:
        """Return what the server says of itself."""

    async def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the model is loaded; False when the server does not know it."""

    async def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the versions of a model."""

    async def close(self) -> None:
        """Let go of every connection; later calls raise ServingError."""
