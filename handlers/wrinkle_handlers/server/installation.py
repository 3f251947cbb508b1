"""Finding TorchServe and the Java that runs it.

TorchServe's own launcher is not used: it keeps one process id per machine in the scratch folder, so that a second
server cannot start, and leaves the server behind when it is killed. The front end is started directly.

Source: ts/model_server.py of TorchServe 0.12, which builds the same command line.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from wrinkle_core.errors import MissingExtraError, ServerStartError

__all__ = ["TorchServeInstallation", "find_torchserve", "worker_environment"]

_TORCHSERVE: Final = "0.12"
_OLDEST_JAVA: Final = 17
_JAVA_VERSION: Final = re.compile(r'version "(\d+)')
_GET_JAVA: Final = (
    "install it with `apt-get install openjdk-17-jre-headless` (or your system's), or set JAVA_HOME to one"
)


@dataclass(frozen=True, slots=True)
class TorchServeInstallation:
    """TorchServe as it is installed here.

    Attributes:
        java: The Java executable.
        home: Folder that holds the package ``ts``.
    """

    java: Path
    home: Path

    @property
    def front_end(self) -> Path:
        """The server's classes."""
        return self.home / "ts" / "frontend" / "model-server.jar"


def find_torchserve() -> TorchServeInstallation:
    """Return this environment's TorchServe with a Java that can run it.

    Raises:
        MissingExtraError: TorchServe is not installed, or is another release.
        ServerStartError: There is no Java 17.
    """
    try:
        release = version("torchserve")
    except PackageNotFoundError as error:
        raise MissingExtraError(
            "TorchServe is not installed. Install it with: pip install 'wrinkle-serving[torchserve]'"
        ) from error
    package = find_spec("ts")  # found, never imported
    if not release.startswith(f"{_TORCHSERVE}.") or package is None or package.origin is None:
        raise MissingExtraError(
            f"TorchServe {_TORCHSERVE} is needed, {release} is here. "
            "Install it with: pip install 'wrinkle-serving[torchserve]'"
        )
    return TorchServeInstallation(_java(), Path(package.origin).resolve().parent.parent)


def worker_environment() -> dict[str, str]:
    """Return the environment of the server and its workers: this process's, without what would change settings.

    TorchServe takes settings from variables that begin with TS_; one of them would even switch the tokens off.
    """
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TS_") and name not in ("PYTHONPATH", "PYTHONHOME", "LOG_LOCATION", "METRICS_LOCATION")
    }
    binaries = os.pathsep.join(filter(None, (str(Path(sys.prefix) / "bin"), os.environ.get("PATH"))))
    return passed_on | {"PATH": binaries, "PYTHONDONTWRITEBYTECODE": "1"}


def _java() -> Path:
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if found is None:
        raise ServerStartError(f"TorchServe needs Java {_OLDEST_JAVA}, and there is none here; {_GET_JAVA}.")
    try:
        told = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerStartError(f"The Java that JAVA_HOME or PATH names cannot be run; {_GET_JAVA}.") from error
    release = _JAVA_VERSION.search(told)
    if release is None or int(release.group(1)) < _OLDEST_JAVA:
        tells = f"Java {release.group(1)}" if release is not None else "another program"
        raise ServerStartError(f"TorchServe needs Java {_OLDEST_JAVA} or newer, {tells} is here; {_GET_JAVA}.")
    return Path(found)
