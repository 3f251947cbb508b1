"""The pretraining tasks: texture-map regression, denoising, masked image modelling; none needs a wrinkle mask.

Sources: methods.md section 3, stage 1 (linear output, mean squared error, target T / 255); section 4, "Denoising"
(Brempong et al.) and "Masked modelling" (SimMIM, Xie et al., arXiv:2111.09886). All randomness of a step comes from its
batch number, so a resumed run repeats itself.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from wrinkle_train.batches.kinds import PictureBatch, TextureBatch
from wrinkle_train.fitting.module import TrainedModule
from wrinkle_train.fitting.precision import autocast
from wrinkle_train.fitting.schedule import RunLength
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.simmim import MaskedSwin, masked_l1, random_patch_mask
from wrinkle_train.networks.swin_unetr import SwinUNETR2d
from wrinkle_train.recipe import PretrainingStage

__all__ = ["DenoisingModule", "MaskedModule", "PretrainingModule", "TextureModule", "pretraining_module"]

_SEED_STRIDE: Final = 1_000_003


class PretrainingModule(TrainedModule):
    """What the tasks share.

    Args:
        stage: The stage.
        network: As it starts; three input channels.
        length: Of the stage.
    """

    def __init__(self, stage: PretrainingStage, network: Deployable, length: RunLength) -> None:
        assert stage.pretraining.train is not None
        super().__init__(stage.pretraining.train, length, network, slow_encoder=stage.network.starts_from_package)
        self.stage = stage

    def generator(self, number: int) -> torch.Generator:
        """Return the randomness of one batch, on the CPU."""
        return torch.Generator().manual_seed(self.settings.seed * _SEED_STRIDE + number)

    def run(self, pixels: Tensor) -> Tensor:
        """Return the network's float32 output."""
        with autocast(self.device, self.settings.precision):
            answer: Tensor = self.network.network(pixels)
        return answer.float()


class TextureModule(PretrainingModule):
    """Regress the texture map from RGB: mean squared error of a linear output against T / 255."""

    def batch_loss(self, number: int, batch: TextureBatch) -> Tensor:
        """Return the mean squared error."""
        return F.mse_loss(self.run(self.network.normalise(batch.pixels))[:, 0], batch.texture.float() / 255)


class DenoisingModule(PretrainingModule):
    """Predict the noise e in (x + sigma e) / sqrt(1 + sigma^2), x in [-1, 1]."""

    def batch_loss(self, number: int, batch: PictureBatch) -> Tensor:
        """Return the mean squared error of the predicted noise."""
        pixels = self.network.normalise(batch.pixels)
        noise = torch.randn(pixels.shape, generator=self.generator(number)).to(pixels.device)
        sigma = self.stage.pretraining.noise_sigma
        return F.mse_loss(self.run((pixels + sigma * noise) / math.sqrt(1 + sigma**2)), noise)


class MaskedModule(PretrainingModule):
    """SimMIM: rebuild the hidden patches from the others; only the Swin encoder is trained, and kept."""

    def __init__(self, stage: PretrainingStage, network: Deployable, length: RunLength) -> None:
        assert isinstance(network.network, SwinUNETR2d)
        super().__init__(stage, network, length)
        network.requires_grad_(False)  # the decoder has no part in this
        network.network.swinViT.requires_grad_(True)
        self.masked = MaskedSwin(network.network.swinViT)

    @property
    def trained(self) -> nn.Module:
        """Return encoder, mask token and throw-away head."""
        return self.masked

    def batch_loss(self, number: int, batch: PictureBatch) -> Tensor:
        """Return the mean absolute error over the hidden pixels."""
        pixels = self.network.normalise(batch.pixels)
        n, _, height, width = pixels.shape
        share = self.stage.pretraining.masked_share
        hidden = random_patch_mask(n, height, width, share=share, generator=self.generator(number)).to(pixels.device)
        with autocast(self.device, self.settings.precision):
            rebuilt = self.masked(pixels, hidden)
        return masked_l1(rebuilt.float(), pixels, hidden)


def pretraining_module(stage: PretrainingStage, network: Deployable, length: RunLength) -> PretrainingModule:
    """Return the module of a stage's task."""
    if stage.pretraining.task == "masked":
        return MaskedModule(stage, network, length)
    task = TextureModule if stage.pretraining.task == "texture" else DenoisingModule
    return task(stage, network, length)
