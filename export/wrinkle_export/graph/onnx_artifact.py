"""Checkpoint to ONNX artifacts in a build folder, each compared with torch before it is published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch

from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.build_folder import BuildFolder, Draft
from wrinkle_export.artifacts.manifest import Artifact, ParityRecord, Precision, digest_of
from wrinkle_export.graph.half import compute_in_half, store_weights_as_half
from wrinkle_export.graph.network_source import NetworkSource
from wrinkle_export.graph.onnx_session import onnx_session
from wrinkle_export.graph.trace import OPSET, trace_network
from wrinkle_train.networks.deployable import Deployable

__all__ = ["ONNX_PRECISIONS", "build_graph", "export_onnx"]

ONNX_PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "fp16", "fp16-storage")
_MODEL_FILE: Final = "model.onnx"
_TOOLS: Final = ("torch", "onnx", "onnxscript", "onnxslim", "wrinkle-serving")
_NOISE_SEED: Final = 20240901
_NOISE_LIMITS: Final[dict[Precision, float]] = {"fp32": 1e-4, "fp16": 0.05, "fp16-storage": 0.05}


def build_graph(network: Deployable, channels: int, input_px: int, precision: Precision) -> onnx.ModelProto:
    """Return ``network`` as a deployable graph in one precision; see ``trace_network``.

    Raises:
        ArtifactError: It cannot be expressed in ONNX.
    """
    return _in_precision(trace_network(network, channels, input_px), precision)


def export_onnx(
    source: NetworkSource,
    build: BuildFolder,
    precisions: Sequence[Precision] = ONNX_PRECISIONS,
    *,
    force: bool = False,
    on_artifact: Callable[[Artifact, bool], None] | None = None,
) -> list[Artifact]:
    """Export a network in each precision that the build folder does not hold yet.

    Every graph answers the same noise as torch before it is published; how far a trained network's masks may move is
    for the parity gate to say.

    Args:
        source: The network.
        build: Where to.
        precisions: Any of ``ONNX_PRECISIONS``.
        force: Export again what is up to date.
        on_artifact: Called with each artifact, and whether it was made now.

    Raises:
        ArtifactError: The network cannot be loaded or expressed, or a graph answers otherwise than torch.
    """
    record = source.record()
    tools = {name: version(name) for name in _TOOLS}

    @cache
    def network() -> Deployable:
        return source.network()

    @cache
    def traced() -> onnx.ModelProto:
        return trace_network(network(), source.channels, source.recipe.input_px)

    artifacts = []
    for precision in precisions:
        name = f"{source.name}/onnx-{precision}"
        key = digest_of(source=record.model_dump(mode="json"), precision=precision, opset=OPSET, tools=tools)
        found = None if force else build.up_to_date(name, key)
        artifact = found or build.publish(
            Draft(name, _MODEL_FILE, "onnx", precision, key, record, source.ports, tools, OPSET),
            lambda folder, precision=precision: _write(  # type: ignore[misc]
                folder / _MODEL_FILE, network(), _in_precision(traced(), precision), precision, source
            ),
        )
        artifacts.append(artifact)
        if on_artifact is not None:
            on_artifact(artifact, found is None)
    return artifacts


def _in_precision(model: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
    if precision == "fp16":
        return compute_in_half(model)
    return store_weights_as_half(model) if precision == "fp16-storage" else model


def _write(
    path: Path, network: Deployable, model: onnx.ModelProto, precision: Precision, source: NetworkSource
) -> tuple[ParityRecord, ...]:
    found = _noise_parity(network, model, precision, source)
    if not found.passed:
        raise ArtifactError(
            f"{source.name} in {precision} differs from torch by {found.figures['max_difference']:.2g} on noise, "
            f"allowed is {found.limits['max_difference']:.2g}. Nothing was exported."
        )
    path.write_bytes(model.SerializeToString())
    return (found,)


def _noise_parity(
    network: Deployable, model: onnx.ModelProto, precision: Precision, source: NetworkSource
) -> ParityRecord:
    """Compare probabilities before rounding on one picture of noise."""
    side = source.recipe.input_px
    pixels = np.random.default_rng(_NOISE_SEED).integers(0, 256, (1, source.channels, side, side), dtype=np.uint8)
    with torch.inference_mode():
        wanted = np.asarray(network.probability(torch.from_numpy(pixels)).numpy())
    _, unrounded = onnx_session(model)(pixels)
    assert unrounded is not None
    differences = np.abs(unrounded - wanted)
    largest = float(differences.max())
    limit = _NOISE_LIMITS[precision]
    return ParityRecord(
        runtime="onnxruntime-on-noise",
        passed=largest <= limit,  # a NaN is not
        pictures=1,
        figures={"max_difference": largest, "mean_difference": float(differences.mean())},
        limits={"max_difference": limit},
        data_sha256=digest_of(noise=_NOISE_SEED, shape=list(pixels.shape)),
    )
