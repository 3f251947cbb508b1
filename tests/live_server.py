"""Pytest plugin: one real Triton server for the whole session, on networks that need no training; how to start more.

The networks are dark-line filters: a pixel darker than its surroundings gets a high probability. They answer every
photograph with a non-trivial mask that has many pixels near the threshold, so equality tests mean something.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from wrinkle_core.assets import fetch_assets
from wrinkle_core.contract import SEGMENTERS, SegmenterContract, segmenter
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.supervision.counter_reader import CounterReader
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.options import ServerOptions
from wrinkle_server.triton.ports import free_ports

_KERNEL_PX = 15
_LEVELS_PER_LOGIT = 6.0
_LOGIT_OF_FLAT_SKIN = -1.0


def write_dark_line_network(
    spec: SegmenterContract, path: Path, *, flat_skin_logit: float = _LOGIT_OF_FLAT_SKIN
) -> Path:
    """Write an ONNX file with ``spec``'s ports: p = sigmoid((blurred - grey) / levels + flat_skin_logit)."""
    gaussian = cv2.getGaussianKernel(_KERNEL_PX, 4.0)
    surroundings = (gaussian @ gaussian.T).astype(np.float32)
    surroundings[_KERNEL_PX // 2, _KERNEL_PX // 2] -= 1.0
    kernel = np.zeros((1, len(spec.channels), _KERNEL_PX, _KERNEL_PX), np.float32)
    kernel[0, :3] = surroundings / (3.0 * _LEVELS_PER_LOGIT)
    constants: dict[str, NDArray[Any]] = {
        "kernel": kernel,
        "offset": np.array([flat_skin_logit], np.float32),
        "scale": np.array(255.0, np.float32),
        "low": np.array(0.0, np.float32),
        "channel": np.array([1], np.int64),
    }
    half = _KERNEL_PX // 2
    nodes = [
        helper.make_node("Cast", ["INPUT"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["pixels", "kernel", "offset"], ["logits"], pads=[half] * 4),
        helper.make_node("Sigmoid", ["logits"], ["probability"]),
        helper.make_node("Mul", ["probability", "scale"], ["levels"]),
        helper.make_node("Clip", ["levels", "low", "scale"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["rounded"]),
        helper.make_node("Squeeze", ["rounded", "channel"], ["plane"]),
        helper.make_node("Cast", ["plane"], ["PROBABILITY"], to=TensorProto.UINT8),
    ]
    side = spec.input_px
    graph = helper.make_graph(
        nodes,
        "dark_lines",
        [helper.make_tensor_value_info("INPUT", TensorProto.UINT8, ["N", len(spec.channels), side, side])],
        [helper.make_tensor_value_info("PROBABILITY", TensorProto.UINT8, ["N", side, side])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(network)
    onnx.save(network, path)
    return path


@pytest.fixture(scope="session")
def dark_line_networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return one ONNX file per segmenter."""
    folder = tmp_path_factory.mktemp("networks")
    return {spec.name: write_dark_line_network(spec, folder / f"{spec.name}.onnx") for spec in SEGMENTERS}


@pytest.fixture(scope="session")
def dark_line_served(dark_line_networks: dict[str, Path]) -> dict[str, ServedNetwork]:
    """Return one network to serve per segmenter."""
    return {name: ServedNetwork.from_onnx(path) for name, path in dark_line_networks.items()}


@pytest.fixture(scope="session")
def live_repository(dark_line_served: dict[str, ServedNetwork], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an assembled repository with both ensembles."""
    fetch_assets()
    target = tmp_path_factory.mktemp("serving") / "repository"
    return assemble_repository(target, dark_line_served, Deployment("openvino", max_batch_size=8, max_waiting=64))


@pytest.fixture(scope="session")
def small_repository(dark_line_served: dict[str, ServedNetwork], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with one segmenter, ``unetpp``, and one process per step."""
    fetch_assets()
    deployment = Deployment("openvino", preprocess_instances=1, threshold_instances=1)
    target = tmp_path_factory.mktemp("small") / "repository"
    return assemble_repository(target, {"unetpp": dark_line_served["unetpp"]}, deployment)


def options_on_free_ports(repository: Path, log_path: Path, *segmenters: str) -> ServerOptions:
    """Return how to start a server of ``segmenters``, all when none is named, that ends within ten seconds."""
    http_port, grpc_port, metrics_port = free_ports(3)
    return ServerOptions(
        repository,
        tuple(segmenter(name) for name in segmenters) or SEGMENTERS,
        http_port=http_port,
        grpc_port=grpc_port,
        metrics_port=metrics_port,
        log_path=log_path,
        exit_timeout_s=10,
    )


@contextmanager
def serving(options: ServerOptions) -> Iterator[ModelServer]:
    """Start a server whose end is not under test: nothing is in flight then, and an orderly end takes seconds."""
    with ModelServer(options) as server:
        yield server
        server.kill()


@contextmanager
def published_queues(server: ModelServer) -> Iterator[None]:
    """Tell the server's steps inside the block how long their queues are, as its supervisor would."""
    reader = CounterReader(server)
    reader.start()
    try:
        yield
    finally:
        reader.close()


@dataclass(frozen=True)
class ServeProcess:
    """A ``wrinkle serve`` that serves, and its HTTP, gRPC, metrics and health ports."""

    process: subprocess.Popen[str]
    ports: tuple[int, ...]


def start_serve(command: Sequence[str], **settings: Any) -> ServeProcess:
    """Start ``command``, a ``wrinkle serve``, on free ports and wait until it says how to stop it.

    Args:
        command: Without the ports.
        settings: As ``subprocess.Popen``.
    """
    ports = free_ports(4)
    flags = ("--http-port", "--grpc-port", "--metrics-port", "--health-port")
    named = zip(flags, map(str, ports), strict=True)
    process = subprocess.Popen(
        [*command, *(word for pair in named for word in pair)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **settings,
    )
    assert process.stdout is not None
    told = ""
    while "Ctrl-C" not in told:
        line = process.stdout.readline()
        assert line, f"wrinkle serve ended: {told}"
        told += line
    assert f":{ports[0]}" in told
    return ServeProcess(process, tuple(ports))


@pytest.fixture(scope="session")
def live_server(live_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """Return a server that answers, on free ports."""
    with serving(options_on_free_ports(live_repository, tmp_path_factory.mktemp("log") / "triton.log")) as server:
        yield server
