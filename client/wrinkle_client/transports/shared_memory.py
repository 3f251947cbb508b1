"""Inputs through system shared memory, for a client and a server on one machine: a transport around another.

A bounded pool of regions, each registered with the server once and used by one request at a time; when all are in use a
request goes the plain way. So it does when the server refuses to register a region: whoever may register regions may
also reach others' memory, so ``wrinkle serve`` and the gateway keep that to the administrator. A region whose request
got no answer is not used again, for the server may still read it.

After ``kill -9`` Python's resource tracker, a process of its own, removes the files from /dev/shm; if that was killed
too, they stay until someone removes ``wrinkle-client-*``.

Source: Triton ``docs/protocol/extension_shared_memory.md``.
"""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import suppress
from dataclasses import replace
from multiprocessing.shared_memory import SharedMemory
from threading import Lock
from typing import Final, Protocol

import numpy as np

from wrinkle_client.deadline import Deadline
from wrinkle_client.server_state import ServerInfo
from wrinkle_client.transports.messages import InferenceRequest, MemoryRegion, RawAnswer, Tensor
from wrinkle_client.transports.transport import Transport
from wrinkle_core.errors import (
    ContractError,
    DeadlineExceededError,
    InvalidInputError,
    OverloadedError,
    ServerUnreachableError,
    WrinkleError,
)

__all__ = ["RegisteringTransport", "SharedMemoryTransport"]

_MAX_REGIONS: Final = 8
_SMALLEST_BYTES: Final = 2**20
_FAREWELL_S: Final = 1.0
_RESTRICTED: Final = "restricted"  # Triton's word, under the gRPC status that also means that nobody answers
_LOST: Final = "shared memory region"  # how Triton says that it knows no such region, after a restart
_log = logging.getLogger("wrinkle_client")


class RegisteringTransport(Transport, Protocol):
    """A transport whose server can be told of shared memory."""

    async def register_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Make a region known to the server."""

    async def unregister_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Have the server forget a region."""


class SharedMemoryTransport:
    """A transport that hands large inputs over in memory; see ``transport.Transport``."""

    def __init__(self, inner: RegisteringTransport) -> None:
        self._inner = inner
        self._lock = Lock()
        self._idle: list[_Region] = []
        self._doubtful: list[_Region] = []
        self._regions = 0
        self._offered = True
        self._closed = False

    async def infer(self, request: InferenceRequest, deadline: Deadline) -> RawAnswer:
        """Run the model that ``request`` names."""
        ((name, tensor),) = request.inputs.items()
        region = await self._take(tensor, deadline) if self._offered else None
        if region is None:
            return await self._inner.infer(request, deadline)
        answered = False
        try:
            region.write(tensor)
            shared = replace(request, regions={name: replace(region.described, byte_size=tensor.nbytes)})
            answer = await self._inner.infer(shared, deadline)
            answered = True
            return answer
        except ContractError as error:
            if _LOST not in str(error):
                raise
            return await self._inner.infer(request, deadline)  # the server is another one than before
        except (InvalidInputError, OverloadedError):
            answered = True
            raise
        finally:
            with self._lock:
                kept = not self._closed
                if kept:
                    (self._idle if answered else self._doubtful).append(region)
            if not kept:  # closed meanwhile: nobody else removes it
                self._drop(region)

    async def server_live(self, deadline: Deadline) -> bool:
        """Return whether the server says that it is up."""
        return await self._inner.server_live(deadline)

    async def server_ready(self, deadline: Deadline) -> bool:
        """Return whether the server says that all its models are ready."""
        return await self._inner.server_ready(deadline)

    async def server_info(self, deadline: Deadline) -> ServerInfo:
        """Return what the server says of itself."""
        return await self._inner.server_info(deadline)

    async def model_ready(self, model_name: str, deadline: Deadline) -> bool:
        """Return whether the model is loaded; False when the server does not know it."""
        return await self._inner.model_ready(model_name, deadline)

    async def model_versions(self, model_name: str, deadline: Deadline) -> tuple[str, ...]:
        """Return the versions of a model."""
        return await self._inner.model_versions(model_name, deadline)

    async def close(self) -> None:
        """Remove the regions, here and at the server, and let go of every connection."""
        with self._lock:
            self._closed = True
            held, self._idle, self._doubtful = [*self._idle, *self._doubtful], [], []
        for region in held:
            await self._give_up(region, Deadline.after(_FAREWELL_S))
        await self._inner.close()

    async def _take(self, tensor: Tensor, deadline: Deadline) -> _Region | None:
        """Return a registered region that holds ``tensor``; None when the request is to go the plain way."""
        with self._lock:
            if self._closed:
                return None
            held = next((each for each in self._idle if each.size_bytes >= tensor.nbytes), None)
            if held is not None:
                self._idle.remove(held)
                return held
            useless = self._doubtful.pop() if self._doubtful else self._idle.pop() if self._idle else None
            if useless is None and self._regions >= _MAX_REGIONS:
                return None
            self._regions += 1
        if useless is not None:
            try:
                await self._give_up(useless, deadline)
            except BaseException:
                self._forget()  # the one that was to take its place
                raise
        return await self._registered(tensor.nbytes, deadline)

    async def _give_up(self, region: _Region, deadline: Deadline) -> None:
        try:
            with suppress(WrinkleError):  # the server is gone, or another one, and its registrations with it
                await self._inner.unregister_memory(region.described, deadline)
        finally:
            self._drop(region)

    async def _registered(self, size_bytes: int, deadline: Deadline) -> _Region | None:
        try:
            region = _Region(max(_SMALLEST_BYTES, 1 << (size_bytes - 1).bit_length()))
        except OSError as error:
            self._forget()
            self._refused(error.strerror or type(error).__name__)
            return None
        try:
            await self._inner.register_memory(region.described, deadline)
        except BaseException as error:
            self._drop(region)
            if not isinstance(error, WrinkleError) or isinstance(error, DeadlineExceededError):
                raise
            if self._closed or (isinstance(error, ServerUnreachableError) and _RESTRICTED not in str(error)):
                return None  # the request itself will say so
            self._refused(error.code)
            return None
        return region

    def _refused(self, reason: str) -> None:
        if self._offered:
            self._offered = False
            _log.warning("Shared memory is not used: %s. Photographs go over the connection instead.", reason)

    def _drop(self, region: _Region) -> None:
        region.remove()
        self._forget()

    def _forget(self) -> None:
        with self._lock:
            self._regions -= 1


class _Region:
    """One piece of shared memory of this process."""

    def __init__(self, size_bytes: int) -> None:
        name = f"wrinkle-client-{os.getpid()}-{secrets.token_hex(4)}"
        self._memory = SharedMemory(name, create=True, size=size_bytes)
        self.size_bytes = size_bytes
        self.described = MemoryRegion(name=name, byte_size=size_bytes)

    def write(self, tensor: Tensor) -> None:
        assert self._memory.buf is not None
        self._memory.buf[: tensor.nbytes] = np.ascontiguousarray(tensor).view(np.uint8).reshape(-1).data

    def remove(self) -> None:
        self._memory.close()
        self._memory.unlink()
