"""Bundled folders are found, and what is missing is named."""

from __future__ import annotations

import pytest

from wrinkle_core.contract import MODELS
from wrinkle_core.errors import ArtifactError
from wrinkle_export.bundle import bundled
from wrinkle_export.repository.choice import bundled_network


def test_bundled_model_repository_has_a_folder_for_every_model() -> None:
    repository = bundled("model_repository")
    assert all((repository / contract.name / "config.pbtxt").is_file() for contract in MODELS)


def test_bundled_checkpoints_folder_is_found() -> None:
    assert bundled("checkpoints").is_dir()


def test_segmenter_without_bundled_weights_is_named() -> None:
    with pytest.raises(ArtifactError, match="no trained weights for net_of_nowhere"):
        bundled_network("net_of_nowhere")
