"""A log that is written for a year: cut when it is long, with the part before kept beside it.

Whoever writes must append, and goes on where the file was cut; so neither Triton nor Envoy has to be told. What is
written between copy and cut, microseconds, is lost.

Source: open(2), O_APPEND; logrotate(8), ``copytruncate``.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO, Final

import structlog

__all__ = ["begin_log", "earlier_part", "keep_log_short", "last_lines"]

_TAIL_BYTES: Final = 64 * 1024

_log: Final = structlog.get_logger("wrinkle.supervisor")


def earlier_part(path: Path) -> Path:
    """Return where the part of a log lies that was written before its file was begun anew or cut."""
    return path.with_name(f"{path.name}.1")


def begin_log(path: Path, *, keep: bool) -> IO[bytes]:
    """Open a log to append to.

    Args:
        path: The log; its folder is made.
        keep: Go on in the file that is there, instead of beginning a new one.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not keep and _is_plain(path):
        path.replace(earlier_part(path))
    return path.open("ab")


def keep_log_short(path: Path, max_bytes: int) -> None:
    """Cut a log that is longer than ``max_bytes``; does nothing for pipes and terminals.

    Where the disk has no room for the part before, that part is given up.
    """
    try:
        if not _is_plain(path) or path.stat().st_size <= max_bytes:
            return
        with path.open("r+b") as content:
            _copy(content, earlier_part(path))
            content.truncate(0)
    except OSError as error:  # moved away meanwhile, or read only: no reason to stop serving
        _log.warning("log was not cut", reason=error.strerror)


def last_lines(path: Path) -> list[str]:
    """Return the last lines of a log, none when it is not there."""
    if not _is_plain(path):
        return []
    with path.open("rb") as content:
        content.seek(-min(_TAIL_BYTES, os.fstat(content.fileno()).st_size), os.SEEK_END)
        return content.read(_TAIL_BYTES).decode("utf-8", "replace").splitlines()


def _copy(content: IO[bytes], kept: Path) -> None:
    try:
        with kept.open("wb") as copy:
            shutil.copyfileobj(content, copy)
    except OSError as error:
        kept.unlink(missing_ok=True)
        _log.warning("part of a log was given up", reason=error.strerror)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
