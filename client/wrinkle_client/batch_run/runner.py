"""Segments the photographs of a plan, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from wrinkle_client.batch_run.entry import WrittenFile
from wrinkle_client.batch_run.photographs import Photograph
from wrinkle_client.result import SegmentationResult
from wrinkle_core.errors import WrinkleError

__all__ = ["Outcome", "Work", "run_in_parallel"]

Work = Callable[[Photograph, "Path | bytes"], tuple[SegmentationResult, tuple[WrittenFile, ...]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A photograph that has ended: result and files, or the error."""

    photograph: Photograph
    result: SegmentationResult | None
    files: tuple[WrittenFile, ...]
    error: WrinkleError | OSError | None


def run_in_parallel(
    photographs: Iterable[Photograph], work: Work, *, parallel: int, stopping: Callable[[], bool]
) -> Iterator[Outcome]:
    """Yield each photograph as it ends.

    Photographs are read in order by the calling thread, no more than ``parallel`` of them ahead. Once ``stopping``
    returns true none is begun; those under way end first.

    Args:
        photographs: What to segment.
        work: Segments one and writes its files, in a thread of its own.
        parallel: How many at a time, > 0.
        stopping: Asked before each photograph is begun.
    """
    waiting = iter(photographs)
    under_way: set[Future[Outcome]] = set()
    with ThreadPoolExecutor(parallel, "segment") as threads:
        while True:
            while len(under_way) < parallel and not stopping():
                photograph = next(waiting, None)
                if photograph is None:
                    break
                try:
                    content = photograph.read()
                except WrinkleError as error:
                    yield Outcome(photograph, None, (), error)
                else:
                    under_way.add(threads.submit(_outcome, work, photograph, content))
            if not under_way:
                return
            ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()


def _outcome(work: Work, photograph: Photograph, content: Path | bytes) -> Outcome:
    try:
        result, files = work(photograph, content)
    except (WrinkleError, OSError) as error:
        return Outcome(photograph, None, (), error)
    return Outcome(photograph, result, files, None)
