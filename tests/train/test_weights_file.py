from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from wrinkle_core.errors import ArtifactError
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import Recipe
from wrinkle_train.weights_file import load_weights, save_weights

HEAD = "network.head.weight"


def test_what_is_too_large_for_float16_is_kept_in_float32(tiny_recipe: Recipe, tmp_path: Path) -> None:
    network = build_network(tiny_recipe.network)
    with torch.no_grad():
        network.get_parameter(HEAD).fill_(1e6)
    path = save_weights(network, tiny_recipe, tmp_path / "model.safetensors")
    kinds = {name: tensor.dtype for name, tensor in load_file(path).items()}
    assert kinds.pop(HEAD) == torch.float32
    assert set(kinds.values()) == {torch.float16, torch.int64}
    assert float(load_weights(path)[0].get_parameter(HEAD).detach().min()) == 1e6


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_weights_that_are_not_finite_are_refused_by_name(tiny_recipe: Recipe, tmp_path: Path, value: float) -> None:
    network = build_network(tiny_recipe.network)
    with torch.no_grad():
        network.get_parameter(HEAD).fill_(value)
    with pytest.raises(ArtifactError, match=r"head\.weight is not finite"):
        save_weights(network, tiny_recipe, tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
