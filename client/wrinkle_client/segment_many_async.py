"""Many photographs on an event loop: what ``segment_many.py`` does with threads, with tasks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable

from wrinkle_client.photo import Photo
from wrinkle_client.result import SegmentationResult
from wrinkle_client.segment_many import AHEAD, OnError, SegmentOutcome, check_options
from wrinkle_core.errors import WrinkleError

__all__ = ["segment_many_async"]


def segment_many_async(
    segment: Callable[[Photo], Awaitable[SegmentationResult]],
    photos: Iterable[Photo] | AsyncIterable[Photo],
    *,
    concurrency: int,
    ordered: bool,
    on_error: OnError,
) -> AsyncGenerator[SegmentOutcome, None]:
    """Segment as tasks; see ``AsyncClient.segment_many``."""
    check_options(concurrency, on_error)
    return _as_tasks(segment, photos, concurrency, ordered, on_error)


async def _as_tasks(
    segment: Callable[[Photo], Awaitable[SegmentationResult]],
    photos: Iterable[Photo] | AsyncIterable[Photo],
    concurrency: int,
    ordered: bool,
    on_error: OnError,
) -> AsyncGenerator[SegmentOutcome, None]:
    places = asyncio.Semaphore(concurrency)

    async def one(index: int, photo: Photo) -> SegmentOutcome:
        async with places:
            try:
                return SegmentOutcome(index, photo, await segment(photo), None)
            except WrinkleError as error:
                return SegmentOutcome(index, photo, None, error)

    numbered = _numbered(photos)
    ahead: deque[asyncio.Task[SegmentOutcome]] = deque()
    try:
        while True:
            while len(ahead) < AHEAD * concurrency and (item := await anext(numbered, None)) is not None:
                ahead.append(asyncio.create_task(one(*item)))
            if not ahead:
                return
            if not ordered:
                await asyncio.wait(ahead, return_when=asyncio.FIRST_COMPLETED)
                ahead.rotate(-next(place for place, each in enumerate(ahead) if each.done()))
            outcome = await ahead[0]
            ahead.popleft()
            if outcome.error is not None and on_error == "raise":
                raise outcome.error
            yield outcome
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)
        await numbered.aclose()


async def _numbered(photos: Iterable[Photo] | AsyncIterable[Photo]) -> AsyncGenerator[tuple[int, Photo], None]:
    index = 0
    if isinstance(photos, AsyncIterable):
        async for photo in photos:
            yield index, photo
            index += 1
        return
    for photo in photos:
        yield index, photo
        index += 1
