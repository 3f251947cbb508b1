from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tensorrt_graphs import CHANNELS, INPUT_PX, darkness_graph
from wrinkle_core.errors import ArtifactError
from wrinkle_export.tensorrt.comparison import (
    MAX_STEPS,
    MEAN_STEPS,
    PlanDiffersError,
    compare,
    onnx_runtime,
    seeded_pictures,
)

PICTURES = seeded_pictures(4, CHANNELS, INPUT_PX)
REFERENCE = onnx_runtime(darkness_graph())


def test_the_pictures_are_the_same_every_time_and_not_alike() -> None:
    again = seeded_pictures(4, CHANNELS, INPUT_PX)
    assert np.array_equal(PICTURES, again)
    assert not np.array_equal(PICTURES[0], PICTURES[2])
    assert PICTURES.max() - PICTURES.min() > 200


def test_a_plan_that_computes_the_same_passes_with_its_figures() -> None:
    record = compare(REFERENCE, REFERENCE, PICTURES, [1, 4])
    assert record.passed
    assert record.pictures == 5
    assert record.figures == {"max_steps": 0.0, "mean_steps": 0.0}


def test_a_step_within_the_limits_is_recorded() -> None:
    def one_off(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        answer = REFERENCE(pixels).copy()
        answer[0, 3, 5] ^= 1
        return answer

    assert compare(one_off, REFERENCE, PICTURES, [4]).figures["max_steps"] == 1.0


def test_one_pixel_beyond_the_limit_fails_and_is_found() -> None:
    def wrong_in_a_batch(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        answer = REFERENCE(pixels).copy()
        if len(pixels) == 4:
            answer[2, 3, 5] = (int(answer[2, 3, 5]) + 128) % 256
        return answer

    with pytest.raises(
        PlanDiffersError, match=rf"At batch 4 .*128/255 \(limit {MAX_STEPS}\).*picture 2, row 3, column 5"
    ):
        compare(wrong_in_a_batch, REFERENCE, PICTURES, [1, 4])


def test_many_small_steps_fail_by_their_mean() -> None:
    other = onnx_runtime(darkness_graph(white=252))
    with pytest.raises(PlanDiffersError, match=rf"on average \(limit {MEAN_STEPS:.3f}\)"):
        compare(other, REFERENCE, PICTURES, [1])


def test_an_answer_of_another_shape_fails() -> None:
    with pytest.raises(PlanDiffersError, match=r"answers uint8 \(1, 31, 32\) to a batch of 1"):
        compare(lambda pixels: REFERENCE(pixels)[:, 1:], REFERENCE, PICTURES, [1])


def test_a_graph_that_onnx_runtime_does_not_take_is_an_error() -> None:
    graph = darkness_graph()
    graph.graph.node[0].op_type = "Nonsense"
    with pytest.raises(ArtifactError, match="ONNX Runtime cannot run the graph"):
        onnx_runtime(graph)
