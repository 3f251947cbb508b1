"""A batch without TorchServe: one run of the network, and an answer of its own for every request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from encoded_images import FILES, encoded
from wrinkle_core.contract import segmenter
from wrinkle_core.decode import DecodeLimits
from wrinkle_core.errors import ImageTooLargeError, InvalidParameterError, NoFaceError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_handlers.batch import BatchSegmenter, Segmented
from wrinkle_handlers.requests import HandlerRequest


class Darkness:
    """A network whose probability is how dark a pixel is."""

    def __init__(self) -> None:
        self.spec = segmenter("unetpp")
        self.batch_sizes: list[int] = []

    def infer(self, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        self.batch_sizes.append(len(network_input))
        return np.subtract(255, network_input[:, 0], dtype=np.uint8)


class Broken(Darkness):
    def infer(self, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        raise RuntimeError("out of memory at /srv/network.py")


class Counted:
    """Metrics that are only counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def face_found(self) -> None:
        self.counts["face"] += 1

    def warned(self, code: str) -> None:
        self.counts[code] += 1

    def batch_came(self, size: int) -> None:
        self.counts[f"batch of {size}"] += 1

    def stage_took(self, stage: str, seconds: float) -> None:
        assert seconds >= 0
        self.counts[stage] += 1


def reading(photo: bytes, **headers: str) -> Callable[[], HandlerRequest]:
    return partial(HandlerRequest.read, {"body": photo}, {f"x-wrinkle-{name}": each for name, each in headers.items()})


@pytest.fixture
def photographs(grace_hopper_jpeg: bytes, astronaut_rgb: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    return grace_hopper_jpeg, encoded(Image.fromarray(astronaut_rgb), "PNG")


def test_network_runs_once_and_bad_requests_cost_the_others_nothing(
    face_landmarker: FaceLandmarker, photographs: tuple[bytes, bytes]
) -> None:
    network, metrics = Darkness(), Counted()
    batch = BatchSegmenter(network, face_landmarker, DecodeLimits(max_pixels=1_000_000), metrics)
    large = encoded(Image.new("RGB", (1200, 1000)), "PNG")
    requests = [
        reading(photographs[0], geometry="true"),
        reading(FILES["png"]),
        reading(photographs[1], threshold="9"),
        reading(large),
        reading(photographs[1]),
    ]
    first, no_face, wrong_option, too_large, last = batch.segment(requests)
    assert isinstance(first, Segmented)
    assert isinstance(last, Segmented)
    assert isinstance(no_face, NoFaceError)
    assert isinstance(wrong_option, InvalidParameterError)
    assert isinstance(too_large, ImageTooLargeError)
    assert network.batch_sizes == [2]
    assert first.geometry is not None
    assert last.geometry is None
    expected = {"batch of 5": 1, "face": 2, "preprocess": 2, "network": 1, "postprocess": 2}
    assert {name: metrics.counts[name] for name in expected} == expected
    for found, photo in ((first, photographs[0]), (last, photographs[1])):
        (alone,) = batch.segment([reading(photo)])
        assert isinstance(alone, Segmented)
        assert alone.answer.mask_png == found.answer.mask_png


def test_network_that_fails_fails_those_that_needed_it(
    face_landmarker: FaceLandmarker, photographs: tuple[bytes, bytes]
) -> None:
    batch = BatchSegmenter(Broken(), face_landmarker, DecodeLimits(), Counted())
    good, no_face = batch.segment([reading(photographs[0]), reading(FILES["png"])])
    assert isinstance(good, RuntimeError)
    assert isinstance(no_face, NoFaceError)


def test_batch_without_a_face_runs_no_network(face_landmarker: FaceLandmarker) -> None:
    network = Darkness()
    (found,) = BatchSegmenter(network, face_landmarker, DecodeLimits(), Counted()).segment([reading(FILES["png"])])
    assert isinstance(found, NoFaceError)
    assert network.batch_sizes == []
