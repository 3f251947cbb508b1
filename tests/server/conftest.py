"""Asking the live server over both protocols, and the same computed in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from wrinkle_core.contract import SEGMENTERS, SegmenterContract, model
from wrinkle_core.errors import from_wire
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.pipeline import segment_bytes
from wrinkle_core.postprocess import Answer, ThresholdOptions
from wrinkle_server.triton.model_server import ModelServer

Outputs = dict[str, bytes]
OUTPUT_NAMES = tuple(tensor.name for tensor in model(SEGMENTERS[0].ensemble).outputs)


class Ask(Protocol):
    """Sends one encoded photograph to a model; raises the typed error the server answered."""

    def __call__(self, model: str, photo: bytes, parameters: Mapping[str, Any] | None = None) -> Outputs: ...


def _sender(protocol: Any, client: Any) -> Ask:
    def send(model: str, photo: bytes, parameters: Mapping[str, Any] | None = None) -> Outputs:
        image: NDArray[np.uint8] = np.frombuffer(photo, np.uint8)
        tensor = protocol.InferInput("IMAGE", [image.size], "UINT8")
        tensor.set_data_from_numpy(image)
        try:
            result = client.infer(model, [tensor], parameters=dict(parameters or {}))
        except InferenceServerException as answer:
            error = from_wire(str(answer))
            if error is None:
                raise
            raise error from None
        return {name: result.as_numpy(name).tobytes() for name in OUTPUT_NAMES}

    return send


@pytest.fixture(scope="session")
def ask_http(live_server: ModelServer) -> Iterator[Ask]:
    """Ask over HTTP."""
    address = f"{live_server.options.host}:{live_server.options.http_port}"
    with tritonclient.http.InferenceServerClient(address, concurrency=8, network_timeout=120.0) as client:
        yield _sender(tritonclient.http, client)


@pytest.fixture(scope="session")
def ask_grpc(live_server: ModelServer) -> Iterator[Ask]:
    """Ask over gRPC."""
    address = f"{live_server.options.host}:{live_server.options.grpc_port}"
    with tritonclient.grpc.InferenceServerClient(address) as client:
        yield _sender(tritonclient.grpc, client)


@pytest.fixture(params=["http", "grpc"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask over each protocol in turn."""
    sender: Ask = request.getfixturevalue(f"ask_{request.param}")
    return sender


@pytest.fixture(params=SEGMENTERS, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> SegmenterContract:
    """Return each segmenter in turn."""
    chosen: SegmenterContract = request.param
    return chosen


@pytest.fixture(scope="session")
def in_process(
    dark_line_networks: dict[str, Path], face_landmarker: FaceLandmarker
) -> Callable[[SegmenterContract, bytes, ThresholdOptions], Answer]:
    """Return the whole service in this process, on the networks the server runs."""
    segmenters = {name: OnnxSegmenter(path) for name, path in dark_line_networks.items()}

    def segment(spec: SegmenterContract, photo: bytes, options: ThresholdOptions) -> Answer:
        return segment_bytes(photo, spec, face_landmarker, segmenters[spec.name], options)

    return segment


@pytest.fixture(scope="session")
def served_batch_sizes(live_server: ModelServer) -> Callable[[str], set[int]]:
    """Return a function that gives the batch sizes a model has run so far."""
    address = f"{live_server.options.host}:{live_server.options.http_port}"

    def sizes(model: str) -> set[int]:
        with tritonclient.http.InferenceServerClient(address) as client:
            statistics = client.get_inference_statistics(model)["model_stats"]
        return {int(batch["batch_size"]) for version in statistics for batch in version["batch_stats"]}

    return sizes
