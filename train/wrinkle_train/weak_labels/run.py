"""Weak labels for a folder of pictures: over several processes, resumable, bit-identical whatever happens in between.

A picture that cannot be read or shows no face is noted in the manifest with its error, and the run goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Final

import cv2

from wrinkle_core.assets import check_assets
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import ArtifactError, InvalidParameterError, WrinkleError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.data.fingerprint import file_sha256
from wrinkle_train.data.image_folder import files_by_id
from wrinkle_train.data.made_files import MadeFile, MadeFiles, write_whole
from wrinkle_train.weak_labels.labeller import WeakLabeller, WeakLabelOptions

__all__ = ["WeakLabelReport", "make_weak_labels"]

_QUEUED_PER_WORKER: Final = 4
_MAX_WORKERS: Final = 64
_PNG_LEVEL: Final = 6
_TOOLS: Final = ("numpy", "opencv-python-headless", "openvino")


@dataclass(frozen=True, slots=True)
class WeakLabelReport:
    """What a run did.

    Attributes:
        made: Labels made now.
        kept: Labels found intact.
        failed: Pictures without a label; ``error`` says why.
        manifest: The manifest.
    """

    made: int
    kept: int
    failed: tuple[MadeFile, ...]
    manifest: Path


@dataclass(frozen=True, slots=True)
class _Task:
    source: Path
    source_name: str
    out: Path
    name: str
    known: MadeFile | None


def make_weak_labels(
    images: Path,
    out: Path,
    options: WeakLabelOptions,
    *,
    workers: int = 1,
    landmarker: FaceLandmarker | None = None,
    on_photo: Callable[[int, int], None] | None = None,
) -> WeakLabelReport:
    """Make the weak labels of every picture of a folder, or go on where a run that was stopped left off.

    Args:
        images: Pictures, flat or in folders of a thousand; the labels are laid out alike, as PNG.
        out: Folder for the labels and ``manifest.json``.
        options: How.
        workers: Processes; 1 works in this one. With more, the calling script needs ``if __name__ == "__main__":``.
        landmarker: For this process; one is made when it is needed and not given.
        on_photo: Called with pictures done and pictures in all.

    Raises:
        ContractError: The folder holds no pictures.
        ArtifactError: The folder holds labels made with other settings, a network is missing, or a worker died.
        InvalidParameterError: Too many or too few workers.
    """
    if not 1 <= workers <= _MAX_WORKERS:
        raise InvalidParameterError(f"workers must be 1 to {_MAX_WORKERS}, got {workers}.")
    sources = files_by_id(images)
    if images.resolve() in (out.resolve(), *out.resolve().parents):
        raise InvalidParameterError("Labels would lie among their pictures; choose an --out elsewhere.")
    labeller = WeakLabeller(options, landmarker)  # also shows what is missing before a process starts
    made = MadeFiles(out, _settings(options))
    tasks = []
    for source in sources.values():
        relative = source.relative_to(images)
        name = relative.with_suffix(".png").as_posix()
        tasks.append(_Task(source, relative.as_posix(), out, name, made.known.get(name)))
    new, failed = 0, []
    results = _in_processes(tasks, options, workers) if workers > 1 else (_work(task, labeller) for task in tasks)
    try:
        for done, (file, is_new) in enumerate(results, start=1):
            new += is_new
            if is_new or file.error:
                made.add(file)
            if file.error:
                failed.append(file)
            if on_photo is not None:
                on_photo(done, len(tasks))
        manifest = made.finish(task.name for task in tasks)
    finally:
        made.close()
    failed.sort(key=lambda file: file.name)
    return WeakLabelReport(new, len(tasks) - new - len(failed), tuple(failed), manifest)


def _settings(options: WeakLabelOptions) -> dict[str, object]:
    networks = {file.path.name: file_sha256(file.path) for file in check_assets() if file.path.is_file()}
    parser = None if options.parser is None else file_sha256(options.parser)
    return {
        "mode": options.mode,
        "align": options.align,
        "parser_sha256": parser,
        "face_networks_sha256": networks,
        "tools": {name: version(name) for name in _TOOLS},
    }


def _work(task: _Task, labeller: WeakLabeller) -> tuple[MadeFile, bool]:
    """Return the label of one picture, and whether it had to be made."""
    known, source_sha256 = task.known, ""
    try:
        source_sha256 = file_sha256(task.source)
        if known is not None and known.source_sha256 == source_sha256 and known.is_intact(task.out):
            return known, False
        texture = labeller.label(decode_image(task.source.read_bytes()))
    except ArtifactError:
        raise
    except WrinkleError as error:
        (task.out / task.name).unlink(missing_ok=True)
        return MadeFile(task.name, task.source_name, source_sha256, error=f"{error.code}: {error}"), False
    _, encoded = cv2.imencode(".png", texture, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    content = encoded.tobytes()
    sha256 = write_whole(task.out / task.name, content)
    return MadeFile(task.name, task.source_name, source_sha256, sha256, len(content)), True


def _in_processes(tasks: Sequence[_Task], options: WeakLabelOptions, workers: int) -> Iterator[tuple[MadeFile, bool]]:
    """Yield results as they come, with no more than a few tasks a worker under way."""
    waiting = iter(tasks)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(options,))
    try:
        running: set[Future[tuple[MadeFile, bool]]] = {
            pool.submit(_work_in_worker, task) for task in islice(waiting, workers * _QUEUED_PER_WORKER)
        }
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_work_in_worker, task) for task in islice(waiting, len(finished))}
            yield from (future.result() for future in finished)
    except BrokenProcessPool:
        raise ArtifactError(
            "A worker process ended before its work did, perhaps for lack of memory; run again with fewer --workers. "
            "Finished labels are kept."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_in_this_worker: list[WeakLabeller] = []


def _start_worker(options: WeakLabelOptions) -> None:
    """Prepare a worker: one thread, its networks, and an end with its parent, also when that is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True).start()
    cv2.setNumThreads(1)
    _in_this_worker.append(WeakLabeller(options))


def _end_with(parent_ends: Callable[[], None]) -> None:
    parent_ends()
    os._exit(1)


def _work_in_worker(task: _Task) -> tuple[MadeFile, bool]:
    return _work(task, _in_this_worker[0])
