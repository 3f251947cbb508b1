"""A checkpoint as a function from UINT8 pixels to UINT8 probabilities, in torch, on this worker's device."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wrinkle_core.contract import SegmenterContract, segmenter
from wrinkle_core.errors import ArtifactError
from wrinkle_handlers.folded_batch_norm import fold_batch_norm
from wrinkle_handlers.options import NetworkOptions
from wrinkle_handlers.shallow_layers import keep_shallow_layers_in_fp32
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.weights_file import load_weights

__all__ = ["TorchNetwork"]


class TorchNetwork:
    """One network of one worker; not safe to call from several threads at once.

    Attributes:
        spec: The segmenter it serves as.
        device: Where it runs.
    """

    def __init__(self, checkpoint: Path, options: NetworkOptions, device: torch.device) -> None:
        """Load the weights; with ``compile`` the kernels are made at the first batches, see ``warm_up``.

        Raises:
            ArtifactError: The file is no checkpoint, or its network serves as no segmenter of the contract.
        """
        network, recipe = load_weights(checkpoint)
        if not recipe.is_servable:
            raise ArtifactError(f"{checkpoint.name} fits no segmenter of the contract, so it cannot be served.")
        if options.threads:
            torch.set_num_threads(options.threads)
        self.spec: SegmenterContract = segmenter(recipe.segmenter)
        self.device = device
        self._in_bf16 = options.precision == "bf16"
        if self._in_bf16:
            fold_batch_norm(network, len(self.spec.channels))
            keep_shallow_layers_in_fp32(network, len(self.spec.channels))
            _keep_probability_in_fp32(network)
        self._run: Any = torch.compile(network.to(device)) if options.compile else network.to(device)

    def infer(self, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return wrinkle probabilities times 255.

        Args:
            network_input: (N, C, S, S) uint8.

        Returns:
            (N, S, S) uint8.
        """
        pixels = torch.from_numpy(network_input).to(self.device)
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self._in_bf16):
            levels: Tensor = self._run(pixels)
        return np.asarray(levels.cpu().numpy())

    def warm_up(self, batch_sizes: Iterable[int]) -> None:
        """Run once per batch size, so that no request waits for kernels to be compiled or memory to be taken."""
        side, channels = self.spec.input_px, len(self.spec.channels)
        for size in sorted(set(batch_sizes)):
            self.infer(np.zeros((size, channels, side, side), np.uint8))


def _keep_probability_in_fp32(network: Deployable) -> None:
    """Leave autocast before the sigmoid: bfloat16 has 8 bits, no more than the probability that is told."""

    def as_float(_module: nn.Module, _arguments: Any, logits: Tensor) -> Tensor:
        return logits.float()

    network.network.register_forward_hook(as_float)
