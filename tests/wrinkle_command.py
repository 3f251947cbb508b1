"""Runs the ``wrinkle`` command as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["command_line", "run_wrinkle"]


def command_line(*arguments: str | Path) -> list[str]:
    """Return the words that start ``wrinkle`` with ``arguments``."""
    return [sys.executable, "-m", "wrinkle_client.cli", *map(str, arguments)]


def run_wrinkle(
    *arguments: str | Path, stdin: bytes | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``wrinkle`` to its end, 100 columns wide, and return what it printed."""
    done = subprocess.run(
        command_line(*arguments),
        capture_output=True,
        input=stdin,
        timeout=120,
        env=os.environ | {"COLUMNS": "100"} | dict(environment or {}),
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
