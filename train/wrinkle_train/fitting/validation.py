"""The score that chooses the best weights: mean per-image F1 at 0.5 on the validation pictures, over all processes."""

from __future__ import annotations

from collections.abc import Iterable

import lightning
import torch
from torch import Tensor, nn

from wrinkle_train.batches.kinds import Batch
from wrinkle_train.fitting.module import SegmentationModule
from wrinkle_train.fitting.precision import autocast
from wrinkle_train.fitting.processes import process_count, process_rank
from wrinkle_train.networks.deployable import wrinkle_logit

__all__ = ["mean_f1"]


def mean_f1(trainer: lightning.Trainer, module: SegmentationModule, pictures: Iterable[Batch]) -> float:
    """Return the mean F1 of the network that is kept, as the first process keeps it; the processes share the pictures.

    Args:
        trainer: Of the run.
        module: Its ``kept`` network is scored.
        pictures: Whole, in order, the same in every process.
    """
    network = module.kept
    was_training = network.training
    network.eval()
    _take_buffers_of_the_first(network)
    total = torch.zeros(2, device=module.device)
    with torch.inference_mode():
        for number, batch in enumerate(pictures):
            if number % process_count() == process_rank():
                pixels, wrinkle, weight = (part.to(module.device) for part in batch)
                with autocast(module.device, module.settings.precision):
                    logits = network.network(network.normalise(pixels))
                marked = (wrinkle_logit(logits.float()) >= 0) & (weight > 0)
                total += torch.stack([_f1(marked, (wrinkle > 0) & (weight > 0)).sum(), total.new_tensor(len(pixels))])
    network.train(was_training)
    summed = trainer.strategy.reduce(total, reduce_op="sum")
    assert isinstance(summed, Tensor)
    return float(summed[0] / summed[1])


def _take_buffers_of_the_first(network: nn.Module) -> None:
    """Give every process the first one's batch-norm statistics; each has those of its own last batch."""
    if process_count() > 1:
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)


def _f1(marked: Tensor, truth: Tensor) -> Tensor:
    """Return 2 TP / (2 TP + FP + FN) of (N, H, W) bool masks, (N,); empty against empty is 1."""
    both, either = (marked & truth).sum(dim=(1, 2)), (marked.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))).float()
    return torch.where(either > 0, 2 * both / either.clamp(min=1), torch.ones_like(either))
