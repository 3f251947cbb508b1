"""Where the files that come with the package lie: model repository templates and small trained weights.

A wheel carries them as ``wrinkle_export/bundled/NAME`` (``force-include`` in pyproject.toml); in an editable checkout
they lie in the repository root, two folders above this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from wrinkle_core.errors import ArtifactError

__all__ = ["BundledName", "bundled"]

BundledName = Literal["model_repository", "checkpoints"]
_PACKAGE: Final = Path(__file__).resolve().parent


def bundled(name: BundledName) -> Path:
    """Return the folder ``name`` as it came with this installation.

    Raises:
        ArtifactError: The installation lacks it.
    """
    for folder in (_PACKAGE / "bundled" / name, _PACKAGE.parents[1] / name):
        if folder.is_dir():
            return folder
    raise ArtifactError(f"This installation has no {name!r} folder; install wrinkle-serving again.")
