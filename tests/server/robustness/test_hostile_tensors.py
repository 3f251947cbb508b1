"""Tensors sent straight to the steps behind the preprocessor: a lie in GEOMETRY is a contract error, not a crash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from server_memory import ServerProcesses
from wrinkle_core.contract import CONTRACT_VERSION, segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import WrinkleError, from_wire
from wrinkle_core.geometry import GEOMETRY_LENGTH
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_core.step_timings import STAMP_LENGTH

pytestmark = pytest.mark.live

UNETPP = segmenter("unetpp")
VERSION, SEGMENTER, WIDTH, HEIGHT, MATRIX, QUALITY, LANDMARKS = 0, 1, 2, 3, 4, 10, 20
STAMP = GEOMETRY_LENGTH - STAMP_LENGTH
MAX_ANSWER_BYTES = 400 * 2**20  # a mask of the largest image that is answered, and its encoding
Geometry = NDArray[np.float32]
Send = Callable[..., Any]


@pytest.fixture(scope="module")
def prepared(target: Any, face_landmarker: FaceLandmarker) -> dict[str, NDArray[Any]]:
    """Return what the preprocessor would hand on."""
    made = prepare(decode_image(target.photo), UNETPP, face_landmarker)
    probability: NDArray[np.uint8] = np.full((1, 512, 512), 100, np.uint8)
    return {"PROBABILITY": probability, "INPUT": made.network_input, "GEOMETRY": made.geometry.pack()}


@pytest.fixture(scope="module")
def client(target: Any) -> Iterator[Any]:
    with tritonclient.grpc.InferenceServerClient(target.grpc_address) as opened:
        yield opened


def ask(client: Any, model: str, tensors: dict[str, NDArray[Any]]) -> str:
    """Return ``answered``, or the code of the typed error; fail when the error is none of ours."""
    inputs = []
    for name, array in tensors.items():
        datatype = {"float32": "FP32", "uint8": "UINT8"}[array.dtype.name]
        tensor = tritonclient.grpc.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    try:
        client.infer(model, inputs, client_timeout=60.0)
    except InferenceServerException as error:
        return (from_wire(str(error)) or error_of_triton(error)).code
    return "answered"


def error_of_triton(error: InferenceServerException) -> WrinkleError:
    """Fail: the request should have reached a step."""
    pytest.fail(str(error))


def with_values(geometry: Geometry, first: int, *values: float) -> Geometry:
    changed = geometry.copy()
    changed[first : first + len(values)] = values
    return changed


HUGE = 3.0e38
LIES: dict[str, tuple[int, tuple[float, ...]]] = {
    "another contract version": (VERSION, (CONTRACT_VERSION + 1.0,)),
    "version 0": (VERSION, (0.0,)),
    "version 1.5": (VERSION, (1.5,)),
    "unknown segmenter": (SEGMENTER, (77.0,)),
    "negative segmenter": (SEGMENTER, (-1.0,)),
    "segmenter 1.5": (SEGMENTER, (1.5,)),
    "other segmenter": (SEGMENTER, (2.0,)),
    "segmenter beyond integers": (SEGMENTER, (HUGE,)),
    "no width": (WIDTH, (0.0,)),
    "negative height": (HEIGHT, (-512.0,)),
    "width beyond integers": (WIDTH, (HUGE,)),
    "a terapixel": (WIDTH, (1e6, 1e6)),
    "half a pixel": (WIDTH, (512.5,)),
    "alignment that flattens": (MATRIX, (0.0,) * 6),
    "alignment of rank one": (MATRIX, (1.0, 2.0, 0.0, 2.0, 4.0, 0.0)),
    "alignment beyond bounds": (MATRIX, (HUGE,) * 6),
    "not a number in the alignment": (MATRIX, (float("nan"),)),
    "infinite alignment": (MATRIX, (float("inf"),)),
    "not a number in the quality": (QUALITY, (float("nan"),)),
    "infinite quality": (QUALITY, (float("-inf"),)),
    "not a number in a landmark": (LANDMARKS, (float("nan"),)),
    "infinite landmark": (LANDMARKS + 9, (float("inf"),)),
    "all landmarks beyond integers": (LANDMARKS, (HUGE,) * 936),
    "all landmarks far away": (LANDMARKS, (1e9,) * 936),
    "all landmarks in one point": (LANDMARKS, (100.0,) * 936),
    "a negative duration": (STAMP, (-1.0, 5.0, 5.0)),
    "an endless duration": (STAMP, (HUGE, 5.0, 5.0)),
    "half a microsecond": (STAMP, (1.0, 5.0, 5.5)),
    "a moment beyond 48 bits": (STAMP, (1.0, HUGE, 5.0)),
}


@pytest.mark.parametrize(("first", "values"), LIES.values(), ids=LIES)
def test_lie_in_the_geometry_is_a_contract_error(
    first: int, values: tuple[float, ...], client: Any, prepared: dict[str, NDArray[Any]]
) -> None:
    lying = prepared | {"GEOMETRY": with_values(prepared["GEOMETRY"], first, *values)}
    assert ask(client, "threshold", lying) == "CONTRACT_MISMATCH"


@pytest.mark.parametrize("length", [0, 1, GEOMETRY_LENGTH - 1, GEOMETRY_LENGTH + 1, 1_000_000])
def test_geometry_of_another_length_is_a_contract_error(
    length: int, client: Any, prepared: dict[str, NDArray[Any]]
) -> None:
    lying = prepared | {"GEOMETRY": np.ones(length, np.float32)}
    assert ask(client, "threshold", lying) == "CONTRACT_MISMATCH"


@pytest.mark.parametrize("shape", [(1, 511, 512), (2, 512, 512), (1, 1, 1), (0, 512, 512), (1, 2048, 2048)])
def test_probability_of_another_shape_is_a_contract_error(
    shape: tuple[int, ...], client: Any, prepared: dict[str, NDArray[Any]]
) -> None:
    assert ask(client, "threshold", prepared | {"PROBABILITY": np.zeros(shape, np.uint8)}) == "CONTRACT_MISMATCH"


@pytest.mark.parametrize("shape", [(1, 4, 512, 512), (1, 3, 1, 1), (2, 3, 512, 512), (1, 0, 512, 512)])
def test_network_input_of_another_shape_is_a_contract_error(
    shape: tuple[int, ...], client: Any, prepared: dict[str, NDArray[Any]]
) -> None:
    assert ask(client, "threshold", prepared | {"INPUT": np.zeros(shape, np.uint8)}) == "CONTRACT_MISMATCH"


def test_random_geometry_is_answered_or_a_contract_error(client: Any, prepared: dict[str, NDArray[Any]]) -> None:
    random = np.random.default_rng(7)
    outcomes = set()
    for _ in range(150):
        geometry = prepared["GEOMETRY"].copy()
        at = random.integers(GEOMETRY_LENGTH, size=int(random.integers(1, 40)))
        geometry[at] = random.choice([0.0, -1.0, 1e-30, 1e3, 1e5, 1e9, 1e20, -1e20, HUGE, np.nan], size=at.size)
        outcomes.add(ask(client, "threshold", prepared | {"GEOMETRY": geometry}))
    assert outcomes == {"answered", "CONTRACT_MISMATCH"}


def test_largest_size_that_is_answered_takes_bounded_memory(
    client: Any, prepared: dict[str, NDArray[Any]], target: Any
) -> None:
    before = target.processes.resident_bytes()
    large = prepared | {"GEOMETRY": with_values(prepared["GEOMETRY"], WIDTH, 30_000.0, 10_000.0)}
    assert ask(client, "threshold", large) == "answered"
    assert ServerProcesses.of(target.server).resident_bytes() - before < MAX_ANSWER_BYTES


def test_honest_tensors_are_answered(client: Any, prepared: dict[str, NDArray[Any]]) -> None:
    assert ask(client, "threshold", prepared) == "answered"
    assert ask(client, "unetpp", {"INPUT": prepared["INPUT"]}) == "answered"


def test_network_input_of_noise_is_answered(client: Any) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1, 3, 512, 512), dtype=np.uint8)
    assert ask(client, "unetpp", {"INPUT": noise}) == "answered"
