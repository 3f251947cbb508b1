"""buildah and podman, run as root on a machine without systemd, cgroup v2 or Docker, with a storage of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from chart_checks.tools import ROOT

__all__ = ["PROGRAMS", "ContainerEngine", "EngineError"]

PROGRAMS: Final = ("buildah", "podman", "mmdebstrap", "runc", "conmon", "catatonit", "iptables")
_HOME: Final = ROOT / "build" / "containers"
_MAX_REASON_CHARS: Final = 2000

# Without CAP_SYS_RESOURCE the limits that podman would set are refused; without systemd cgroups are made as folders.
_CONTAINERS_CONF: Final = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE_CONF: Final = """\
[storage]
driver = "overlay"
graphroot = "{home}/storage"
runroot = "{home}/run"
"""


class EngineError(RuntimeError):
    """A program is missing or failed; the message is its own."""


@dataclass(frozen=True, slots=True)
class ContainerEngine:
    """Images, containers and volumes under one folder.

    Attributes:
        home: Holds everything; ``remove`` removes it.
    """

    home: Path = _HOME

    def podman(self, *words: str, limit_s: float = 120.0, given: str | None = None) -> str:
        """Run podman and return what it prints.

        Args:
            words: Its arguments.
            limit_s: How long it may take.
            given: Its standard input.

        Raises:
            EngineError: It is missing, fails or takes too long.
        """
        return self._run(["podman", *words], limit_s, given)

    def buildah(self, *words: str, limit_s: float = 3600.0) -> str:
        """Run buildah; arguments and errors are those of ``podman``."""
        return self._run(["buildah", *words], limit_s, None)

    def has_image(self, name: str) -> bool:
        """Return whether an image of this name is here."""
        return name in self.podman("images", "--format", "{{.Repository}}:{{.Tag}}").split()

    def digest(self, image: str) -> str:
        """Return an image's digest, ``sha256:…``, by which it can be named as an image of a registry."""
        return self.podman("image", "inspect", "--format", "{{.Digest}}", image).strip()

    def remove(self) -> None:
        """Remove every pod, volume, network and image, and the folder."""
        if self.home.is_dir():
            self.podman("pod", "rm", "--force", "--all")
            self.podman("system", "reset", "--force")
            shutil.rmtree(self.home)

    def _run(self, command: Sequence[str], limit_s: float, given: str | None) -> str:
        try:
            done = subprocess.run(
                command,
                env=self._environment(),
                input=given,
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        except FileNotFoundError as error:
            raise EngineError(f"{command[0]} is not here; apt-get install {' '.join(PROGRAMS)} netavark.") from error
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"{' '.join(command[:3])} took longer than {limit_s:g} s.") from error
        if done.returncode != 0:
            reason = (done.stderr or done.stdout).strip()[-_MAX_REASON_CHARS:]
            raise EngineError(f"{' '.join(command[:3])} failed: {reason}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        self.home.mkdir(parents=True, exist_ok=True)
        files = {"CONTAINERS_CONF": _CONTAINERS_CONF, "CONTAINERS_STORAGE_CONF": _STORAGE_CONF}
        named = {}
        with FileLock(self.home / ".lock"):
            for variable, text in files.items():
                file = self.home / f"{variable.lower()}.toml"
                file.write_text(text.format(home=self.home) if "{home}" in text else text, encoding="utf-8")
                named[variable] = str(file)
        return os.environ | named
