"""Every network of the papers takes one real optimisation step at full resolution, on a CPU."""

from __future__ import annotations

import math
from operator import attrgetter

import pytest
import torch

from wrinkle_bench.paper_networks import PAPER_NETWORKS, PaperNetwork, training_step


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", PAPER_NETWORKS, ids=attrgetter("name"))
def test_a_full_size_network_takes_a_step_at_the_papers_resolution(case: PaperNetwork) -> None:
    torch.manual_seed(1)
    network = case.build()
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    assert math.isfinite(training_step(case, network))
    still = [name for name, value in network.named_parameters() if torch.equal(value, before[name])]
    assert still == []
