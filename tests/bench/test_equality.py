"""No peer's time counts before its answers do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from wrinkle_bench.peers.equality import Agreement, agreement, require_agreement
from wrinkle_bench.peers.peer import PeerAnswer
from wrinkle_core.errors import ContractError

PHOTOS = [b"one", b"two"]


def answer(shift: float = 0.0) -> PeerAnswer:
    probability = np.linspace(0.0, 0.9, 400, dtype=np.float32).reshape(20, 20) + np.float32(shift)
    return PeerAnswer((probability >= 0.5).astype(np.uint8), probability)


@dataclass(frozen=True)
class Answering:
    found: PeerAnswer

    def infer(self, photo: bytes, *, probability: bool = False) -> PeerAnswer:
        assert photo in PHOTOS
        assert probability
        return self.found


def test_the_reference_agrees_with_itself() -> None:
    assert agreement(Answering(answer()), PHOTOS, [answer(), answer()]) == Agreement(0.0, 0.0, 1.0)


def test_a_shifted_answer_is_seen_and_refused() -> None:
    found = agreement(Answering(answer(0.05)), PHOTOS, [answer(), answer()])
    assert found.max_difference == pytest.approx(0.05, abs=1e-4)
    assert found.mask_iou < 0.99
    with pytest.raises(ContractError, match=r"0\.0500.*Nothing was timed"):
        require_agreement("them", found, "openvino-f32", trained=False)
    with pytest.raises(ContractError, match="masks overlap"):
        require_agreement("them", found, "openvino-f32", trained=True)


def test_the_precisions_limit_decides() -> None:
    found = Agreement(max_difference=0.03, mean_difference=0.0, mask_iou=0.9)
    require_agreement("them", found, "openvino-bf16", trained=False)
    with pytest.raises(ContractError):
        require_agreement("them", found, "openvino-f32", trained=False)


@pytest.mark.parametrize(
    "found",
    [PeerAnswer(answer().mask, None), PeerAnswer(np.zeros((5, 5), np.uint8), np.zeros((5, 5), np.float32))],
    ids=["no probability", "other pixels"],
)
def test_an_answer_that_cannot_be_compared_is_refused(found: PeerAnswer) -> None:
    with pytest.raises(ContractError, match="without a probability, or in other pixels"):
        agreement(Answering(found), PHOTOS, [answer(), answer()])
