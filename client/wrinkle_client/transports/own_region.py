"""One piece of system shared memory that this process made."""

from __future__ import annotations

import os
import secrets
from multiprocessing.shared_memory import SharedMemory

import numpy as np

from wrinkle_client.transports.messages import MemoryRegion, Tensor

__all__ = ["OwnRegion"]


class OwnRegion:
    """A file in /dev/shm, mapped here; used by one request at a time.

    Attributes:
        size_bytes: Of all of it.
        described: What the server is told.
    """

    def __init__(self, size_bytes: int) -> None:
        """Make it.

        Raises:
            OSError: There is no room, or no /dev/shm.
        """
        name = f"wrinkle-client-{os.getpid()}-{secrets.token_hex(4)}"
        self._memory = SharedMemory(name, create=True, size=size_bytes)
        self.size_bytes = size_bytes
        self.described = MemoryRegion(name=name, byte_size=size_bytes)

    def write(self, tensor: Tensor) -> None:
        """Put a tensor at its beginning."""
        assert self._memory.buf is not None
        self._memory.buf[: tensor.nbytes] = np.ascontiguousarray(tensor).view(np.uint8).reshape(-1).data

    def remove(self) -> None:
        """Unmap and unlink it; a server that has mapped it too keeps the memory until it lets go."""
        self._memory.close()
        self._memory.unlink()
