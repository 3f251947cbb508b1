from __future__ import annotations

import torch
from torch import Tensor, nn

from wrinkle_train.fitting.precision import autocast, keep_depthwise_in_fp32


class _Padded(nn.Conv2d):
    """Stands for timm's convolutions with TensorFlow's padding."""

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(features, (0, 1, 0, 1)))


def test_depthwise_convolutions_alone_leave_autocast() -> None:
    network = nn.ModuleList([nn.Conv2d(4, 4, 3, groups=groups) for groups in (4, 2, 1)])
    keep_depthwise_in_fp32(network)
    with autocast(torch.device("cpu"), "bf16"):
        kinds = [convolution(torch.ones(1, 4, 8, 8)).dtype for convolution in network]
    assert kinds == [torch.float32, torch.bfloat16, torch.bfloat16]


def test_a_convolution_with_a_padding_of_its_own_keeps_it() -> None:
    network = nn.Sequential(_Padded(4, 4, 3, groups=4))
    shape = network(torch.ones(1, 4, 8, 8)).shape
    keep_depthwise_in_fp32(network)
    assert network(torch.ones(1, 4, 8, 8)).shape == shape
