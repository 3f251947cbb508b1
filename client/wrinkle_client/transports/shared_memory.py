"""Inputs through system shared memory, for a client and a server on one machine: a transport around another.

A bounded pool of regions, each registered with the server once and used by one request at a time; when all are in use a
request goes the plain way. So it does when the server refuses to register a region: whoever may register regions may
also reach others' memory, so ``wrinkle serve`` and the gateway keep that to the administrator. A region whose request
got no answer is not used again, for the server may still read it. Triton forgets no region that it reads: it is asked
again when the place is needed, and for a few seconds when the client is closed.

After ``kill -9`` Python's resource tracker, a process of its own, removes the files from /dev/shm; if that was killed
too, they stay until someone removes ``wrinkle-client-*``.

Source: Triton ``docs/protocol/extension_shared_memory.md``.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from threading import Lock
from typing import Final, Protocol

from wrinkle_client.deadline import Deadline
from wrinkle_client.runtime import Runtime
from wrinkle_client.server_state import ServerInfo
from wrinkle_client.transports.messages import InferenceRequest, MemoryRegion, RawAnswer, Tensor
from wrinkle_client.transports.own_region import OwnRegion
from wrinkle_client.transports.transport import Transport
from wrinkle_core.errors import (
    ContractError,
    DeadlineExceededError,
    InvalidInputError,
    ModelNotFoundError,
    OverloadedError,
    ServerUnreachableError,
    WrinkleError,
)

__all__ = ["RegisteringTransport", "SharedMemoryTransport"]

_MAX_REGIONS: Final = 8
_SMALLEST_BYTES: Final = 2**20
_FAREWELL_S: Final = 5.0
_PAUSE_S: Final = 0.05
_RESTRICTED: Final = "restricted"  # Triton's word, under the gRPC status that also means that nobody answers
_LOST: Final = "find shared memory region"  # how Triton says that it knows no such region, after a restart
_READING: Final = "currently in use"  # how Triton says that it does not forget a region that it reads
_log = logging.getLogger("wrinkle_client")


class RegisteringTransport(Transport, Protocol):
    """A transport whose server can be told of shared memory."""

    async def register_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Make a region known to the server."""

    async def unregister_memory(self, region: MemoryRegion, deadline: Deadline) -> None:
        """Have the server forget a region."""


class SharedMemoryTransport:
    """A transport that hands large inputs over in memory; see ``transport.Transport``."""

    def __init__(self, inner: RegisteringTransport, runtime: Runtime) -> None:
        self._inner = inner
        self._runtime = runtime
        self._lock = Lock()
        self._idle: list[OwnRegion] = []
        self._doubtful: list[OwnRegion] = []
        self._regions = 0
        self._offered = True
        self._closed = False
        self._collected = False

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
        except (ContractError, ModelNotFoundError) as error:
            if _LOST not in str(error):
                raise
            return await self._inner.infer(request, deadline)  # the server is another one than before
        except (InvalidInputError, OverloadedError):
            answered = True
            raise
        finally:
            with self._lock:
                kept = not self._collected
                if kept:
                    (self._idle if answered else self._doubtful).append(region)
            if not kept:  # closed meanwhile, and nobody waits for it any more
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
        """Remove the regions, here and at the server, and let go of every connection.

        Regions of calls in flight are waited for, at most ``_FAREWELL_S``.
        """
        with self._lock:
            self._closed = True
        farewell = Deadline.after(_FAREWELL_S)
        while True:
            for region in self._unused():
                if farewell.remaining_s() <= 0 or not await self._given_up(region, farewell):
                    self._doubtful.append(region)
            if not self._regions or farewell.remaining_s() <= _PAUSE_S:
                break
            await self._runtime.sleep(_PAUSE_S)
        with self._lock:
            self._collected = True
        for region in self._unused():
            self._drop(region)
        await self._inner.close()

    def _unused(self) -> list[OwnRegion]:
        """Take every region that no call uses."""
        with self._lock:
            unused, self._idle, self._doubtful = [*self._idle, *self._doubtful], [], []
        return unused

    async def _take(self, tensor: Tensor, deadline: Deadline) -> OwnRegion | None:
        """Return a registered region that holds ``tensor``; None when the request is to go the plain way."""
        with self._lock:
            if self._closed:
                return None
            held = next((each for each in self._idle if each.size_bytes >= tensor.nbytes), None)
            if held is not None:
                self._idle.remove(held)
                return held
            useless = self._doubtful.pop(0) if self._doubtful else self._idle.pop() if self._idle else None
            if useless is None and self._regions >= _MAX_REGIONS:
                return None
            self._regions += 1
        if useless is not None and not await self._replaced(useless, deadline):
            return None
        return await self._registered(tensor.nbytes, deadline)

    async def _replaced(self, useless: OwnRegion, deadline: Deadline) -> bool:
        """Return whether there is a place for another region, after giving up ``useless`` if that can be."""
        try:
            given_up = await self._given_up(useless, deadline)
        except BaseException:
            self._forget()  # the one that was to take its place
            raise
        with self._lock:
            if not given_up:
                self._doubtful.append(useless)
            room = self._regions <= _MAX_REGIONS
            if not room:
                self._regions -= 1
        return room

    async def _given_up(self, region: OwnRegion, deadline: Deadline) -> bool:
        """Remove a region, at the server and here; return False, and leave it, when the server still reads it."""
        try:
            await self._inner.unregister_memory(region.described, deadline)
        except WrinkleError as error:
            if _READING in str(error):
                return False
            # else the server is gone, or another one, and its registrations with it
        except BaseException:
            self._drop(region)
            raise
        self._drop(region)
        return True

    async def _registered(self, size_bytes: int, deadline: Deadline) -> OwnRegion | None:
        try:
            region = OwnRegion(max(_SMALLEST_BYTES, 1 << (size_bytes - 1).bit_length()))
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

    def _drop(self, region: OwnRegion) -> None:
        region.remove()
        self._forget()

    def _forget(self) -> None:
        with self._lock:
            self._regions -= 1
