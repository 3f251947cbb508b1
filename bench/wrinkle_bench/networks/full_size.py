"""The papers' networks at full size, with random weights: what a network costs does not depend on what it learned.

One checkpoint and one ONNX file per segmenter, made once and kept in the user's cache: PyTorch, ONNX Runtime, OpenVINO
and TorchServe all run the same weights, so their answers can be compared.

Weights drawn at random, as a training begins, give a probability that hardly varies. The last layer is scaled and
shifted so that a face's answer has contrast, a wrong answer is seen, and the server's canary finds nothing odd.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from wrinkle_bench.networks.bench_network import BenchNetwork
from wrinkle_bench.storage import bench_cache
from wrinkle_core.contract import SegmenterContract
from wrinkle_core.decode import decode_image
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import prepare
from wrinkle_server.supervision.canary import canary_photo

__all__ = ["FULL_SIZE_RECIPES", "full_size_network"]

FULL_SIZE_RECIPES: Final = {"unetpp": "table1-ours", "unet_texture": "table3-100-unet-texture"}
_SEED: Final = 20261122
_LOGIT_SPREAD: Final = 0.5  # a wrong answer differs by more, BF16 by much less than its limit
_MARKED: Final = 0.1  # share of the skin
_MAKING_LIMIT_S: Final = 1200.0


def full_size_network(spec: SegmenterContract) -> BenchNetwork:
    """Return the full-size network of a segmenter; the first call makes it, which takes a minute or two.

    Raises:
        ArtifactError: Torch cannot express it in ONNX.
    """
    folder = bench_cache() / "networks"
    found = BenchNetwork(
        segmenter=spec.name,
        description=f"{FULL_SIZE_RECIPES[spec.name]}, random weights",
        trained=False,
        checkpoint=folder / f"{spec.name}-full-size.safetensors",
        onnx=folder / f"{spec.name}-full-size.onnx",
    )
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{spec.name}.lock", timeout=_MAKING_LIMIT_S):
        if not (found.checkpoint.is_file() and found.onnx.is_file()):
            _make(spec, found)
    return found


def _make(spec: SegmenterContract, wanted: BenchNetwork) -> None:
    import torch

    from wrinkle_export.graph.network_source import network_source
    from wrinkle_export.graph.onnx_artifact import build_graph
    from wrinkle_train.weights_file import load_weights, save_weights

    source = network_source(FULL_SIZE_RECIPES[spec.name], random_seed=_SEED)
    with tempfile.TemporaryDirectory(prefix="making-", dir=wanted.onnx.parent) as scratch:
        checkpoint, onnx = Path(scratch, wanted.checkpoint.name), Path(scratch, wanted.onnx.name)
        network = source.network()
        face = prepare(decode_image(canary_photo()), spec, FaceLandmarker()).network_input
        _spread_logits(network, torch.from_numpy(face), spec)
        save_weights(network, source.recipe, checkpoint)
        stored, _ = load_weights(checkpoint)  # rounded to the stored precision: every runtime gets the same numbers
        onnx.write_bytes(build_graph(stored, source.channels, spec.input_px, "fp32").SerializeToString())
        os.replace(onnx, wanted.onnx)
        os.replace(checkpoint, wanted.checkpoint)


def _spread_logits(network: Any, face: Any, spec: SegmenterContract) -> None:
    """Scale and shift the last layer: logits of a face spread by ``_LOGIT_SPREAD``, and ``_MARKED`` of it is marked."""
    import torch

    from wrinkle_train.networks.deployable import wrinkle_logit

    last = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    with torch.inference_mode():
        logit = wrinkle_logit(network.network(network.normalise(face)))[face.amax(dim=1) > 0]
    scale = _LOGIT_SPREAD / float(logit.std())
    cut = math.log(spec.default_threshold / (1.0 - spec.default_threshold))
    with torch.no_grad():
        last.weight.mul_(scale)
        assert last.bias is not None
        last.bias.mul_(scale)
        last.bias[-1:].add_(cut - scale * float(torch.quantile(logit, 1.0 - _MARKED)))
