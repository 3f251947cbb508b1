"""One .mar file: what TorchServe loads as one model. The same inputs give the same bytes.

TorchServe's own archiver writes the time of day into the manifest and into the zip file; this writes the same members
without either.

Source: TorchServe model-archiver/README.md; the manifest's fields: model_archiver/manifest_components.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from wrinkle_core.contract import CONTRACT_VERSION, SegmenterContract, segmenter
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_handlers.archive.model_config import ModelConfig
from wrinkle_handlers.archive.requirements import pinned_requirements
from wrinkle_handlers.archive.runtime_wheel import write_runtime_wheel
from wrinkle_handlers.archive.zip_file import write_zip

__all__ = ["ArchivedModel", "write_archive"]

_HANDLER: Final = Path(__file__).resolve().parent / "entry_point" / "wrinkle_handler.py"
_WEIGHTS: Final = "model.safetensors"
_CONFIG: Final = "model-config.yaml"
_REQUIREMENTS: Final = "requirements.txt"
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class ArchivedModel:
    """A .mar file that was written.

    Attributes:
        path: The file.
        spec: The segmenter it serves as; TorchServe calls the model by the ensemble's name.
        size_bytes: Of the file.
    """

    path: Path
    spec: SegmenterContract
    size_bytes: int


def write_archive(
    checkpoint: Path, model_store: Path, config: ModelConfig, *, model_version: str = "1"
) -> ArchivedModel:
    """Write a checkpoint's archive into ``model_store``.

    Args:
        checkpoint: safetensors file of a network that serves as a segmenter of the contract.
        model_store: Folder, made when it is not there.
        config: How TorchServe is to run it.
        model_version: What TorchServe calls this version: a whole number from 1, as Triton has it.

    Raises:
        ArtifactError: The checkpoint is none, fits no segmenter, or the archive cannot be written.
        InvalidParameterError: The version is malformed.
        MissingExtraError: A library that the handler needs is not installed here.
    """
    from wrinkle_train.weights_file import read_recipe  # loads torch

    if not _VERSION.fullmatch(model_version):
        raise InvalidParameterError(f"A version is a whole number from 1, got {model_version[:40]!r}.")
    recipe = read_recipe(checkpoint)
    if not recipe.is_servable:
        raise ArtifactError(f"{checkpoint.name} fits no segmenter of the contract, so it cannot be served.")
    spec = segmenter(recipe.segmenter)
    weights = checkpoint.read_bytes()
    with tempfile.TemporaryDirectory(prefix="wrinkle-archive-") as scratch:
        wheel = write_runtime_wheel(Path(scratch))
        path = model_store / f"{spec.ensemble}.mar"
        write_zip(
            path,
            {
                _WEIGHTS: weights,
                _CONFIG: config.to_yaml().encode(),
                _REQUIREMENTS: pinned_requirements().encode(),
                _HANDLER.name: _HANDLER,
                wheel.name: wheel,
                "MAR-INF/MANIFEST.json": _manifest(
                    spec, sha256(weights).hexdigest(), recipe.network.name, model_version
                ),
            },
        )
    return ArchivedModel(path, spec, path.stat().st_size)


def _manifest(spec: SegmenterContract, weights_sha256: str, network: str, model_version: str) -> bytes:
    """Return the manifest; ``wrinkle`` is ours, TorchServe passes it on to the handler."""
    document: dict[str, Any] = {
        "createdOn": "01/01/1980 00:00:00",  # TorchServe wants one; the members' date
        "runtime": "python",
        "model": {
            "modelName": spec.ensemble,
            "modelVersion": model_version,
            "serializedFile": _WEIGHTS,
            "handler": _HANDLER.name,
            "configFile": _CONFIG,
            "requirementsFile": _REQUIREMENTS,
        },
        "archiverVersion": f"wrinkle-serving {version('wrinkle-serving')}",
        "wrinkle": {
            "contract_version": CONTRACT_VERSION,
            "segmenter": spec.name,
            "network": network,
            "weights_sha256": weights_sha256,
        },
    }
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
