"""What a run is asked to segment: files, folders, patterns, standard input and frames of videos, in one list.

Each photograph has a name that stays the same from run to run, and a ``revision`` that changes when its content does;
by the two an interrupted run finds out what it has done already.
"""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, NoReturn

from wrinkle_client.batch_run.folders import files_in
from wrinkle_client.batch_run.output_names import refuse_overwriting, unique
from wrinkle_client.batch_run.video import FrameChoice, frames_of, is_video
from wrinkle_client.limits import Limits
from wrinkle_core.errors import EmptyImageError, ImageTooLargeError, InvalidInputError, InvalidParameterError

__all__ = ["MISSING", "STANDARD_INPUT", "Photograph", "find_photographs"]

STANDARD_INPUT: Final = "-"
MISSING: Final = "missing"


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph of a run.

    Attributes:
        name: Path relative to the folder that was named, with ``/``; for a frame its video and number. No two of a run
            have the same name.
        stem: Start of the names of its result files, with ``/``.
        revision: Size and time of change of the file, or a SHA-256; another one means another photograph.
        path: The file it comes from; None for standard input.
        read: Returns the file's path or encoded bytes, or raises why a video cannot be read. Frames are read in order.
        from_video: Whether it is a frame of a video.
    """

    name: str
    stem: str
    revision: str
    path: Path | None
    read: Callable[[], Path | bytes]
    from_video: bool = False


def find_photographs(
    arguments: Sequence[str], out: Path, *, recursive: bool = False, frames: FrameChoice | None = None
) -> list[Photograph]:
    """Return the photographs that ``arguments`` name, in their order, folders sorted by name.

    Args:
        arguments: Files, folders, patterns such as ``photos/**/*.jpg``, or ``-``.
        out: Folder of the results; photographs are never taken from it, and none is overwritten.
        recursive: Look into folders inside folders.
        frames: Which frames of videos are taken.

    Raises:
        InvalidParameterError: A folder or pattern holds no photograph, a folder lies inside ``out``, ``-`` is named
            twice, or a result would overwrite a photograph.
        MissingExtraError: There is a video and OpenCV is not installed.
        InvalidInputError: Standard input holds nothing, or too much.
    """
    if arguments.count(STANDARD_INPUT) > 1:
        raise InvalidParameterError("Standard input, -, can be read only once.")
    found: list[Photograph] = []
    for argument in arguments:
        if argument == STANDARD_INPUT:
            found.append(_from_standard_input(Limits().max_encoded_bytes))
            continue
        for path, name in _paths(argument, out, recursive):
            if is_video(path) and os.path.isfile(path):
                found += _from_video(path, name, frames or FrameChoice())
            else:
                found.append(Photograph(name, _stem(name), _revision(path), path, partial(_itself, path)))
    return _without_clashes(found, out)


def _paths(argument: str, out: Path, recursive: bool) -> list[tuple[Path, str]]:
    """Return the files that an argument names, each with its name in the run."""
    path = Path(argument)
    if os.path.isdir(path):  # Path's own question raises where a name is too long; such a one fails in its turn
        return [(file, file.relative_to(path).as_posix()) for file in files_in(path, out, recursive=recursive)]
    if os.path.exists(path) or not glob.has_magic(argument):
        return [(path, path.name)]
    matches = sorted(Path(match) for match in glob.iglob(argument, recursive=True))
    root = Path(*_fixed_parts(argument))
    own = out.resolve()
    files = [match for match in matches if match.is_file() and own not in match.resolve().parents]
    if not files:
        raise InvalidParameterError(f"The pattern {argument!r} matches no file; check the folder and the ending.")
    return [(file, file.relative_to(root).as_posix()) for file in files]


def _fixed_parts(pattern: str) -> list[str]:
    """Return the leading folders of a pattern that hold no wildcard."""
    parts: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return parts


def _from_video(path: Path, name: str, choice: FrameChoice) -> Iterator[Photograph]:
    revision = _revision(path)
    try:
        frames = frames_of(path, choice)
    except InvalidInputError as error:  # fails by itself when its turn comes, the other photographs go on
        yield Photograph(name, _stem(name), revision, path, partial(_raise, error), from_video=True)
        return
    for frame in frames:
        stem = f"{_stem(name)}-{frame.number:06d}"
        yield Photograph(f"{name} frame {frame.number}", stem, revision, path, frame.read, from_video=True)


def _raise(error: InvalidInputError) -> NoReturn:
    raise error


def _itself(path: Path) -> Path:
    return path


def _from_standard_input(max_encoded_bytes: int) -> Photograph:
    encoded = sys.stdin.buffer.read(max_encoded_bytes + 1)
    if not encoded:
        raise EmptyImageError("Standard input is empty; send an image file, as in: wrinkle segment - < face.jpg")
    if len(encoded) > max_encoded_bytes:
        raise ImageTooLargeError(f"Standard input holds more than {max_encoded_bytes / 2**20:g} MiB.")
    digest = hashlib.sha256(encoded).hexdigest()
    return Photograph("standard input", "stdin", f"sha256:{digest}", None, lambda: encoded)


def _revision(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return MISSING
    return f"{status.st_size} bytes, {status.st_mtime_ns} ns"


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).stem else "photo"


def _without_clashes(photographs: Sequence[Photograph], out: Path) -> list[Photograph]:
    """Give names and stems that are taken, in whatever case, a number, and refuse to overwrite a photograph."""
    names = unique([one.name for one in photographs], separator=" #")
    stems = unique([one.stem for one in photographs], separator="-")
    refuse_overwriting(stems, out, [one.path for one in photographs if one.path is not None])
    return [replace(one, name=name, stem=stem) for one, name, stem in zip(photographs, names, stems, strict=True)]
