"""Both clients asked in one way, so that one test asks them the same questions."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

from wrinkle_client import AsyncClient, Client, Health, ModelInfo, Photo, SegmentationResult, SegmentOutcome, ServerInfo

__all__ = ["CLIENTS", "AnyClient", "DrivenClient", "connect"]

CLIENTS = ("sync", "async")
_Made = TypeVar("_Made")


class DrivenClient:
    """An ``AsyncClient`` on an event loop of its own, which runs while it is asked something."""

    def __init__(self, url: str, **options: Any) -> None:
        self.client = AsyncClient(url, **options)
        self._loop = asyncio.new_event_loop()

    def run(self, question: Coroutine[Any, Any, _Made]) -> _Made:
        return self._loop.run_until_complete(question)

    def __enter__(self) -> DrivenClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def close(self) -> None:
        self.run(self.client.close())

    def segment(self, photo: Photo, **options: Any) -> SegmentationResult:
        return self.run(self.client.segment(photo, **options))

    def segment_many(self, photos: Iterable[Photo], **options: Any) -> list[SegmentOutcome]:
        async def collected() -> list[SegmentOutcome]:
            return [outcome async for outcome in self.client.segment_many(photos, **options)]

        return self.run(collected())

    def health(self, **options: Any) -> Health:
        return self.run(self.client.health(**options))

    def models(self, **options: Any) -> tuple[ModelInfo, ...]:
        return self.run(self.client.models(**options))

    def server_info(self, **options: Any) -> ServerInfo:
        return self.run(self.client.server_info(**options))

    def wait_ready(self, timeout_s: float = 60.0, **options: Any) -> None:
        self.run(self.client.wait_ready(timeout_s, **options))


AnyClient: TypeAlias = "Client | DrivenClient"


def connect(kind: str, url: str, **options: Any) -> AnyClient:
    """Return a client of ``kind``, one of ``CLIENTS``."""
    return Client(url, **options) if kind == "sync" else DrivenClient(url, **options)
