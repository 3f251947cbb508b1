"""Many photographs, several at a time, from any iterable; one that fails does not end the others.

At most twice ``concurrency`` photographs are ahead of the caller: those in flight, and finished ones that wait to be
taken. So an endless iterable is fine, and a caller that is slow is not overrun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypedDict

from wrinkle_client.photo import Photo
from wrinkle_client.request import Prepare
from wrinkle_client.result import SegmentationResult
from wrinkle_client.transports.messages import Compression
from wrinkle_core.errors import InvalidParameterError, WrinkleError

__all__ = ["AHEAD", "OnError", "SegmentOptions", "SegmentOutcome", "check_options", "segment_many"]

OnError: TypeAlias = Literal["yield", "raise"]
AHEAD: Final = 2
_MAX_CONCURRENCY: Final = 256


class SegmentOptions(TypedDict, total=False):
    """Options of ``segment`` that ``segment_many`` hands on."""

    model: str
    model_version: str | None
    threshold: float | None
    probability: bool
    skin_mask: bool
    geometry: bool
    prepare: Prepare | None
    compression: Compression | None
    timeout_s: float


@dataclass(frozen=True, slots=True, eq=False)
class SegmentOutcome:
    """What became of one photograph of many: either a result or an error.

    Attributes:
        index: Its place in the iterable, from 0.
        photo: As it was given; never in ``repr``, for it may hold a face.
        result: None when it failed.
        error: None when it did not.
    """

    index: int
    photo: Photo
    result: SegmentationResult | None
    error: WrinkleError | None

    def __repr__(self) -> str:
        came = repr(self.result) if self.error is None else f"{self.error.code}: {self.error}"
        return f"SegmentOutcome({self.index}, {came})"


def check_options(concurrency: int, on_error: OnError) -> None:
    """Refuse options that cannot be.

    Raises:
        InvalidParameterError: ``concurrency`` is not in 1 to 256, or ``on_error`` is unknown.
    """
    if not 1 <= concurrency <= _MAX_CONCURRENCY:
        raise InvalidParameterError(f"concurrency is {concurrency}, expected 1 to {_MAX_CONCURRENCY}.")
    if on_error not in ("yield", "raise"):
        raise InvalidParameterError(f"on_error is {on_error!r}, expected yield or raise.")


def segment_many(
    segment: Callable[[Photo], SegmentationResult],
    photos: Iterable[Photo],
    *,
    concurrency: int,
    ordered: bool,
    on_error: OnError,
) -> Generator[SegmentOutcome, None, None]:
    """Segment on threads; see ``Client.segment_many``."""
    check_options(concurrency, on_error)
    return _on_threads(segment, photos, concurrency, ordered, on_error)


def _on_threads(
    segment: Callable[[Photo], SegmentationResult],
    photos: Iterable[Photo],
    concurrency: int,
    ordered: bool,
    on_error: OnError,
) -> Generator[SegmentOutcome, None, None]:
    def one(index: int, photo: Photo) -> SegmentOutcome:
        try:
            return SegmentOutcome(index, photo, segment(photo), None)
        except WrinkleError as error:
            return SegmentOutcome(index, photo, None, error)

    numbered = enumerate(photos)
    ahead: deque[Future[SegmentOutcome]] = deque()
    threads = ThreadPoolExecutor(concurrency, thread_name_prefix="wrinkle-segment")
    try:
        while True:
            while len(ahead) < AHEAD * concurrency and (item := next(numbered, None)) is not None:
                ahead.append(threads.submit(one, *item))
            if not ahead:
                return
            if not ordered:
                wait(ahead, return_when=FIRST_COMPLETED)
                ahead.rotate(-next(place for place, each in enumerate(ahead) if each.done()))
            outcome = ahead.popleft().result()
            if outcome.error is not None and on_error == "raise":
                raise outcome.error
            yield outcome
    finally:
        threads.shutdown(cancel_futures=True)
