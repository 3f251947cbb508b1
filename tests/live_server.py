"""Pytest plugin: one real Triton server for the whole session, on networks that need no training.

The networks are dark-line filters: a pixel darker than its surroundings gets a high probability. They answer every
photograph with a non-trivial mask that has many pixels near the threshold, so equality tests mean something.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from wrinkle_core.assets import fetch_assets
from wrinkle_core.contract import SEGMENTERS, SegmenterContract
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.model_server import ModelServer
from wrinkle_server.options import ServerOptions
from wrinkle_server.ports import free_ports

_KERNEL_PX = 15
_LEVELS_PER_LOGIT = 6.0
_LOGIT_OF_FLAT_SKIN = -1.0


def write_dark_line_network(spec: SegmenterContract, path: Path) -> Path:
    """Write an ONNX file with ``spec``'s ports: p = sigmoid((blurred - grey) / levels + offset)."""
    gaussian = cv2.getGaussianKernel(_KERNEL_PX, 4.0)
    surroundings = (gaussian @ gaussian.T).astype(np.float32)
    surroundings[_KERNEL_PX // 2, _KERNEL_PX // 2] -= 1.0
    kernel = np.zeros((1, len(spec.channels), _KERNEL_PX, _KERNEL_PX), np.float32)
    kernel[0, :3] = surroundings / (3.0 * _LEVELS_PER_LOGIT)
    constants: dict[str, NDArray[Any]] = {
        "kernel": kernel,
        "offset": np.array([_LOGIT_OF_FLAT_SKIN], np.float32),
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
    return assemble_repository(target, dark_line_served, Deployment("openvino"))


@pytest.fixture(scope="session")
def live_server(live_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """Return a server that answers, on free ports."""
    http_port, grpc_port, metrics_port = free_ports(3)
    options = ServerOptions(
        live_repository,
        SEGMENTERS,
        http_port=http_port,
        grpc_port=grpc_port,
        metrics_port=metrics_port,
        log_path=tmp_path_factory.mktemp("log") / "triton.log",
        exit_timeout_s=10,
    )
    with ModelServer(options) as server:
        yield server
