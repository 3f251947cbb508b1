"""A runnable model repository: configs from the contract, steps from templates, networks from a build folder.

The repository is built beside its target and renamed into place, so that a server never sees half of one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wrinkle_core.contract import CONTRACT_VERSION, MODELS, SEGMENTERS, ModelContract, SegmenterContract, segmenter
from wrinkle_core.errors import ArtifactError
from wrinkle_export.bundle import bundled
from wrinkle_export.repository.config_file import read_config
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_export.repository.triton_config import config_text
from wrinkle_export.repository.version_folder import fitted_network, write_segmenter_version

__all__ = ["LOCK_FILE", "PROMOTIONS_FILE", "assemble_repository", "served_segmenters"]

PROMOTIONS_FILE: Final = "promotions.json"  # what `wrinkle models` did to a repository
LOCK_FILE: Final = ".models.lock"

_OWN_NAMES: Final = frozenset((*(contract.name for contract in MODELS), PROMOTIONS_FILE, LOCK_FILE))


def assemble_repository(
    target: Path, networks: Mapping[str, ServedNetwork], deployment: Deployment, *, version: int = 1
) -> Path:
    """Build a runnable repository at ``target``, replacing one that was assembled there before.

    Args:
        target: Folder to make; its parent is made when missing.
        networks: Files of each segmenter to serve, by the segmenter's name.
        deployment: What runs them and how.
        version: Triton version number that every model gets.

    Returns:
        ``target``.

    Raises:
        ArtifactError: A network does not fit the contract, or ``target`` holds something else.
        InvalidParameterError: No segmenter has one of the names.
    """
    if not networks:
        raise ArtifactError("There is no network to serve; name at least one segmenter.")
    specs = [segmenter(name) for name in networks]
    _require_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh, old = Path(scratch, "fresh"), Path(scratch, "old")
        fitted = {
            spec.name: fitted_network(networks[spec.name], spec, deployment.runtime, Path(scratch)) for spec in specs
        }
        for contract in _served_models(specs):
            _write_model(fresh / contract.name, contract, fitted.get(contract.name), deployment, version)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    return target


def _served_models(specs: list[SegmenterContract]) -> list[ModelContract]:
    names = {name for spec in specs for name in (spec.preprocessor, spec.name, spec.ensemble)} | {"threshold"}
    return [contract for contract in MODELS if contract.name in names]


def _write_model(
    folder: Path, contract: ModelContract, network: ServedNetwork | None, deployment: Deployment, version: int
) -> None:
    versioned = folder / str(version)
    versioned.mkdir(parents=True)  # Triton wants the version folder even of an ensemble
    (folder / "config.pbtxt").write_text(config_text(contract, deployment, network, version), encoding="utf-8")
    if network is not None:
        write_segmenter_version(versioned, network, deployment.runtime)
    elif contract.kind != "ensemble":
        shutil.copyfile(bundled("model_repository") / contract.name / "1" / "model.py", versioned / "model.py")


def _require_replaceable(target: Path) -> None:
    if target.is_dir():
        foreign = sorted(entry.name for entry in target.iterdir() if entry.name not in _OWN_NAMES)
        if foreign:
            raise ArtifactError(f"{target} holds {foreign[0]!r}, which no assembly made; choose another folder.")
    elif target.exists():
        raise ArtifactError(f"{target} is a file; choose a folder.")


def served_segmenters(repository: Path) -> tuple[SegmenterContract, ...]:
    """Return the segmenters whose ensembles a repository holds.

    Raises:
        ArtifactError: It holds none, one that cannot be read, or one of another version of the tensor contract.
    """
    found = tuple(spec for spec in SEGMENTERS if (repository / spec.ensemble / "config.pbtxt").is_file())
    if not found:
        raise ArtifactError(f"{repository} holds no ensemble of ours; `wrinkle export repository` makes a repository.")
    for spec in found:
        _require_this_contract(repository / spec.ensemble)
    return found


def _require_this_contract(ensemble: Path) -> None:
    version = read_config(ensemble).parameters["contract_version"].string_value
    if version != str(CONTRACT_VERSION):
        raise ArtifactError(
            f"{ensemble.name} was assembled for contract version {version or 'unknown'}, this package speaks "
            f"{CONTRACT_VERSION}; assemble the repository again with `wrinkle export repository`. The networks in it "
            "need no new export."
        )
