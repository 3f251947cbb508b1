"""The run record, ``run.json``: recipe, data, code, environment, cost; whose folder this is and whether it is done."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import torch

from wrinkle_core.errors import ArtifactError
from wrinkle_train.fitting.processes import process_count, process_rank
from wrinkle_train.recipe import PretrainingStage, Recipe

__all__ = ["RECORD_FILE", "RunRecord", "open_record", "read_record"]

RECORD_FILE: Final = "run.json"
_PACKAGES: Final = (
    "torch",
    "lightning",
    "numpy",
    "opencv-python-headless",
    "monai",
    "segmentation-models-pytorch",
    "timm",
    "wrinkle-serving",
)
_GIT_TIMEOUT_S: Final = 10
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The record of one folder.

    Attributes:
        path: Where it is.
        content: What it says.
    """

    path: Path
    content: dict[str, Any]

    @property
    def is_finished(self) -> bool:
        """Return whether the run went to its end."""
        return bool(self.content.get("finished", False))

    def note(self, **values: Any) -> RunRecord:
        """Return the record with ``values`` added, written to disk at once by the first process."""
        content = {**self.content, **values}
        if process_rank() > 0:
            return RunRecord(self.path, content)
        partial = self.path.with_name(f".{self.path.name}.partial")
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(partial, self.path)
        return RunRecord(self.path, content)

    def close(self, *, wall_s: float, finished: bool, **values: Any) -> RunRecord:
        """Return the record at the end of a call, cost included."""
        spent_s = round(float(self.content.get("wall_s", 0.0)) + wall_s, 1)
        return self.note(wall_s=spent_s, finished=finished, peak_memory_mib=peak_memory_mib(), **values)


def read_record(folder: Path) -> RunRecord | None:
    """Return the record of a folder, None when it has none.

    Raises:
        ArtifactError: It is damaged.
    """
    path = folder / RECORD_FILE
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise ArtifactError(f"{folder.name}/{RECORD_FILE} is damaged; remove the folder and train again.") from None
    return RunRecord(path, content)


def open_record(folder: Path, recipe: Recipe | PretrainingStage, data_digest: str) -> RunRecord:
    """Return the record of a run that starts, or goes on, in ``folder``.

    Raises:
        ArtifactError: The folder holds a run of another recipe or on other data, or one that other than so many
            processes began: their number decides which pictures a step sees.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = read_record(folder)
    if known is not None:
        if known.content.get("fingerprint") != recipe.fingerprint():
            raise ArtifactError(f"The folder {folder.name} holds a run of another recipe; choose another --out.")
        if known.content.get("data_sha256") != data_digest:
            raise ArtifactError(f"The run in {folder.name} was trained on other data; choose another --out.")
        began_with = known.content["environment"]["processes"]
        if not known.is_finished and began_with != process_count():
            raise ArtifactError(
                f"The run in {folder.name} was begun by {began_with} process(es), not {process_count()}; go on with as "
                "many, or choose another --out."
            )
        return known
    record = RunRecord(folder / RECORD_FILE, {})
    return record.note(
        fingerprint=recipe.fingerprint(),
        recipe=recipe.model_dump(mode="json"),
        data_sha256=data_digest,
        git_revision=_git_revision(),
        environment=_environment(),
        finished=False,
    )


def peak_memory_mib() -> int:
    """Return the largest resident size this process has had, MiB; on a GPU the largest amount allocated there."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return round(torch.cuda.max_memory_allocated() / _KIB**2)
    unit = _KIB**2 if sys.platform == "darwin" else _KIB  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def _git_revision() -> str | None:
    """Return the commit this code is at, with ``+changes`` when it was edited; None outside a repository."""
    here = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here), *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=True)
        return answer.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--", str(here)) else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in _PACKAGES},
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "processes": process_count(),
    }
