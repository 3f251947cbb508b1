import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from golden_images import compute, golden
from wrinkle_core.contract import SEGMENTERS, SegmenterContract

MAX_MEAN_DIFFERENCE = 0.5  # grey levels; processors differ in the last bit of a warp
MIN_MASK_IOU = 0.95  # float32; processors differ in the order of a sum

Pictures = dict[str, NDArray[np.uint8]]


@pytest.fixture(scope="module", params=SEGMENTERS, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> SegmenterContract:
    chosen: SegmenterContract = request.param
    return chosen


@pytest.fixture(scope="module")
def computed(spec: SegmenterContract) -> Pictures:
    return compute(spec)


def mean_difference(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    return float(cv2.absdiff(left, right).mean())


def iou(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> float:
    return float(((left > 0) & (right > 0)).sum() / ((left > 0) | (right > 0)).sum())


def test_the_network_input_is_the_golden_one(spec: SegmenterContract, computed: Pictures) -> None:
    assert mean_difference(computed["input"], golden(spec, "input")) <= MAX_MEAN_DIFFERENCE


def test_the_mask_is_the_golden_one(spec: SegmenterContract, computed: Pictures) -> None:
    assert iou(computed["mask"], golden(spec, "mask")) >= MIN_MASK_IOU


def test_an_input_or_mask_one_pixel_off_would_fail(spec: SegmenterContract, computed: Pictures) -> None:
    shifted = {name: np.roll(picture, 1, axis=1) for name, picture in computed.items()}
    assert mean_difference(shifted["input"], golden(spec, "input")) > MAX_MEAN_DIFFERENCE
    assert iou(shifted["mask"], golden(spec, "mask")) < MIN_MASK_IOU
