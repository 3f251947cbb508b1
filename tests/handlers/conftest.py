"""One real TorchServe with both networks for the live tests of this folder, and what its answers are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wrinkle_client import Client
from wrinkle_core.assets import fetch_assets
from wrinkle_core.contract import SEGMENTERS, segmenter
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.pipeline import segment_bytes
from wrinkle_core.postprocess import Answer, ThresholdOptions
from wrinkle_export.bundle import bundled
from wrinkle_handlers.archive.model_archive import write_archive
from wrinkle_handlers.archive.model_config import ModelConfig
from wrinkle_handlers.server.options import TorchServeOptions
from wrinkle_handlers.server.torchserve import TorchServe
from wrinkle_server.triton.ports import free_ports
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import NetworkRecipe, load_recipe
from wrinkle_train.recipe_files import find_recipe
from wrinkle_train.weights_file import load_weights, save_weights

BATCH_DELAY_MS = 300
Reference = Callable[[bytes, str], Answer]


def checkpoint(name: str) -> Path:
    return bundled("checkpoints") / name / "model.safetensors"


def options_on_free_ports(model_store: Path, log_path: Path) -> TorchServeOptions:
    port, metrics_port = free_ports(2)
    return TorchServeOptions(model_store, port, metrics_port, log_path, start_timeout_s=240.0)


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return random weights of a small U-Net that serves as ``unetpp``."""
    torch.manual_seed(0)
    network = NetworkRecipe(name="unet", in_channels=3, width=4)
    recipe = load_recipe(find_recipe("demo-unetpp")).model_copy(update={"network": network})
    path = tmp_path_factory.mktemp("small") / "model.safetensors"
    return save_weights(build_network(network).eval(), recipe, path)


@pytest.fixture(scope="session")
def small_store(small_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model store with that network alone."""
    store = tmp_path_factory.mktemp("small-store")
    write_archive(small_checkpoint, store, ModelConfig())
    return store


@pytest.fixture(scope="session")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return both shipped networks archived; requests that come within ``BATCH_DELAY_MS`` make one batch of up to 4."""
    store = tmp_path_factory.mktemp("store")
    for spec in SEGMENTERS:
        write_archive(checkpoint(spec.name), store, ModelConfig(batch_size=4, max_batch_delay_ms=BATCH_DELAY_MS))
    return store


@pytest.fixture(scope="session")
def torchserve(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TorchServe]:
    """Return a TorchServe whose workers have loaded both networks."""
    fetch_assets()
    log_path = tmp_path_factory.mktemp("torchserve") / "torchserve.log"
    with TorchServe(options_on_free_ports(model_store, log_path)) as server:
        yield server


@pytest.fixture(scope="session")
def client(torchserve: TorchServe) -> Iterator[Client]:
    """Return a client of it."""
    with Client(torchserve.url, token=torchserve.token) as opened:
        yield opened


@pytest.fixture(scope="session")
def torch_reference(face_landmarker: FaceLandmarker) -> Reference:
    """Return core's own pipeline over the shipped networks in torch, in this process."""
    networks: dict[str, Deployable] = {spec.name: load_weights(checkpoint(spec.name))[0] for spec in SEGMENTERS}

    def answer(photo: bytes, name: str) -> Answer:
        runner = cast(OnnxSegmenter, _InTorch(networks[name]))
        options = ThresholdOptions(probability=True, skin_mask=True)
        return segment_bytes(photo, segmenter(name), face_landmarker, runner, options)

    return answer


class _InTorch:
    """What ``segment_bytes`` asks of a segmenter."""

    def __init__(self, network: Deployable) -> None:
        self._network = network

    def infer(self, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        with torch.inference_mode():
            return np.asarray(self._network(torch.from_numpy(network_input)).numpy())
