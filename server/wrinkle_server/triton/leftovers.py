"""What a server that was killed leaves behind: shared-memory files and its scratch folder.

Both carry id and start of the ``ModelServer``'s own process in their name, so a later start can tell the remains of a
dead one from what a living one uses, also in a container that starts again, where every server has the id of the one
before.

Source: Triton python_backend README.md, ``shm-region-prefix-name``; a killed server leaves its regions in ``/dev/shm``.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wrinkle_server.steps.activity import start_ticks

__all__ = ["SHARED_MEMORY", "leftovers", "new_run_name", "remove_leftovers", "remove_run"]

SHARED_MEMORY: Final = Path("/dev/shm")
_RUN_NAME: Final = re.compile(r"wrinkle-serve-(\d+)-(\d+)-[0-9a-f]{8}")


def new_run_name() -> str:
    """Return a name for one run of a server, which holds id and start of this process."""
    return f"wrinkle-serve-{os.getpid()}-{start_ticks(os.getpid()) or 0}-{secrets.token_hex(4)}"


def leftovers() -> tuple[Path, ...]:
    """Return the remains of this user's servers whose process is gone."""
    return tuple(path for path, run in _runs() if start_ticks(int(run[1])) != int(run[2]))


def remove_leftovers() -> None:
    """Remove the remains of this user's servers whose process is gone."""
    for path in leftovers():
        _remove(path)


def remove_run(name: str) -> None:
    """Remove whatever the run ``name`` left."""
    for path, run in _runs():
        if run.group() == name:
            _remove(path)


def _runs() -> Iterator[tuple[Path, re.Match[str]]]:
    for folder in (SHARED_MEMORY, Path(tempfile.gettempdir())):
        for path in folder.glob("wrinkle-serve-*"):
            matched = _RUN_NAME.match(path.name)
            if matched and _is_own(path):
                yield path, matched


def _is_own(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid()
    except FileNotFoundError:  # another server has removed it meanwhile
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
