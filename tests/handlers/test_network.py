"""The network as a worker runs it: the precisions, a batch, compiled kernels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from wrinkle_core.contract import segmenter
from wrinkle_core.errors import ArtifactError
from wrinkle_export.bundle import bundled
from wrinkle_handlers.folded_batch_norm import fold_batch_norm
from wrinkle_handlers.network import TorchNetwork
from wrinkle_handlers.options import NetworkOptions, TorchPrecision
from wrinkle_handlers.shallow_layers import keep_shallow_layers_in_fp32
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import NetworkRecipe, load_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.weights_file import load_weights, save_weights

CPU = torch.device("cpu")
BATCH_ROUNDING = 1  # of 255: kernels for a batch may add up in another order


def random_input(name: str, count: int) -> NDArray[np.uint8]:
    spec = segmenter(name)
    shape = (count, len(spec.channels), spec.input_px, spec.input_px)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(np.int16) - other).max())


def test_fp32_is_the_checkpoint_itself(small_checkpoint: Path) -> None:
    pixels = random_input("unetpp", 1)
    network, _ = load_weights(small_checkpoint)
    with torch.inference_mode():
        expected = network(torch.from_numpy(pixels)).numpy()
    found = TorchNetwork(small_checkpoint, NetworkOptions(), CPU)
    assert found.spec == segmenter("unetpp")
    np.testing.assert_array_equal(found.infer(pixels), expected)


def test_batch_is_each_of_its_pictures(small_checkpoint: Path) -> None:
    network = TorchNetwork(small_checkpoint, NetworkOptions(), CPU)
    pixels = random_input("unetpp", 3)
    together = network.infer(pixels)
    alone = np.concatenate([network.infer(pixels[place : place + 1]) for place in range(3)])
    assert together.shape == (3, 512, 512)
    assert difference(together, alone) <= BATCH_ROUNDING


def test_bf16_differs_by_no_more_than_bf16_does(small_checkpoint: Path) -> None:
    pixels = random_input("unetpp", 1)
    exact = TorchNetwork(small_checkpoint, NetworkOptions(), CPU).infer(pixels)
    short = TorchNetwork(small_checkpoint, NetworkOptions(precision="bf16"), CPU).infer(pixels)
    assert 0 < difference(exact, short) <= 4
    assert len(np.unique(short)) >= len(np.unique(exact)) // 2  # not rounded to bfloat16's few levels


def test_folding_batch_norm_changes_no_logit() -> None:
    network, _ = load_weights(bundled("checkpoints") / "unetpp" / "model.safetensors")
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    pixels = network.normalise(torch.from_numpy(random_input("unetpp", 1)))
    with torch.inference_mode():
        expected = network.network(pixels)
        assert fold_batch_norm(network, channels=3) == norms > 0
        assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
        torch.testing.assert_close(network.network(pixels), expected, rtol=0.0, atol=1e-4 * float(expected.std()))


def test_bf16_leaves_the_shallow_layers_alone_and_rounds_the_deep_ones(small_checkpoint: Path) -> None:
    network, _ = load_weights(small_checkpoint)
    kept = keep_shallow_layers_in_fp32(network, channels=3)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    types: list[torch.dtype] = []
    for each in convolutions:
        each.register_forward_hook(lambda _module, _arguments, answer: types.append(answer.dtype))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        network(torch.zeros((1, 3, 512, 512), dtype=torch.uint8))
    assert len(types) == len(convolutions) > kept > 0
    assert set(types[:kept]) == {torch.float32}
    assert torch.bfloat16 in types[kept:]


def difference_of_compiled(checkpoint: Path, precision: TorchPrecision, counts: tuple[int, ...]) -> int:
    eager = TorchNetwork(checkpoint, NetworkOptions(precision=precision), CPU)
    compiled = TorchNetwork(checkpoint, NetworkOptions(precision=precision, compile=True), CPU)
    inputs = [random_input("unetpp", count) for count in counts]
    return max(difference(compiled.infer(pixels), eager.infer(pixels)) for pixels in inputs)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_compiled_kernels_give_what_the_eager_network_gives(small_checkpoint: Path, precision: TorchPrecision) -> None:
    assert difference_of_compiled(small_checkpoint, precision, (1, 2, 3)) <= BATCH_ROUNDING


def test_network_to_be_compiled_gives_what_the_eager_one_gives(small_checkpoint: Path) -> None:
    with torch.compiler.set_stance("force_eager"):  # all but the kernels, which take a minute
        assert difference_of_compiled(small_checkpoint, "bf16", (2,)) == 0


def test_checkpoint_that_fits_no_segmenter_is_refused(tmp_path: Path) -> None:
    network = NetworkRecipe(name="unet", in_channels=3, width=4)  # unet_texture has four channels
    recipe = load_recipe(find_recipe("table4-100-none-3ch")).model_copy(update={"network": network})
    path = save_weights(build_network(network).eval(), recipe, tmp_path / "model.safetensors")
    with pytest.raises(ArtifactError, match="fits no segmenter"):
        TorchNetwork(path, NetworkOptions(), CPU)
