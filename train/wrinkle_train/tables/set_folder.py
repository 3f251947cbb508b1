"""The pictures a table is made on: a user's data set, or a set rendered from faces and drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError
from wrinkle_train.data.rendered_set import RenderedSetPlan, library_sha256, make_rendered_set
from wrinkle_train.render.faces import read_library
from wrinkle_train.training.scale import Scale

__all__ = ["set_folder"]

_PLAN: Final = RenderedSetPlan()
_SET_FOLDER: Final = "rendered-set"


def set_folder(data: Path, out: Path, scale: Scale) -> tuple[Path, str]:
    """Return the folder of the data set and what it is, in words.

    Args:
        data: A data set, returned as it is; or a folder with ``faces.csv``, from which a set is rendered into ``out``.
        out: Folder of the runs.
        scale: Faces and drawings serve ``rendered-small`` only.

    Raises:
        ContractError: Faces and drawings were given for the full scale, or a file of theirs is missing.
        ArtifactError: ``out`` holds a set made from other data.
    """
    if not (data / "faces.csv").is_file():
        return data, f"the data set `{data.name}`"
    if scale == "full":
        raise ContractError(
            f"{data.name} holds faces and drawings, no data set: render one with `wrinkle rendered-set`, name one, or "
            "choose --scale rendered-small."
        )
    libraries = read_library(data, "train"), read_library(data, "val")
    make_rendered_set(*libraries, library_sha256(data), _PLAN, out / _SET_FOLDER)
    return (
        out / _SET_FOLDER,
        f"{_PLAN.train} + {_PLAN.val} + {_PLAN.test} rendered pictures of {_PLAN.side_px} px (training faces and "
        "drawings apart from those of validation and test)",
    )
