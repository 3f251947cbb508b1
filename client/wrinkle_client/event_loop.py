"""The event loop that connections belong to: that of their first use, and no other."""

from __future__ import annotations

import asyncio

from wrinkle_core.errors import ServingError

__all__ = ["OwnLoop"]


class OwnLoop:
    """Remembers the loop of its first use."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def require(self) -> None:
        """Refuse a use from another loop, where it would hang or fail without saying why.

        Raises:
            ServingError: Another loop runs than at the first use.
        """
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise ServingError("This AsyncClient belongs to another event loop; make one for each loop.")
