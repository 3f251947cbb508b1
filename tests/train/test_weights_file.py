from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wrinkle_core.errors import ArtifactError
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import Recipe
from wrinkle_train.weights_file import save_weights


def test_weights_too_large_for_float16_are_refused_by_name(tiny_recipe: Recipe, tmp_path: Path) -> None:
    network = build_network(tiny_recipe.network)
    with torch.no_grad():
        network.get_parameter("network.head.weight").fill_(1e6)
    with pytest.raises(ArtifactError, match=r"head\.weight is too large for float16"):
        save_weights(network, tiny_recipe, tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
