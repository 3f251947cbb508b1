"""A segmenter step of Triton that runs ONNX Runtime instead of OpenVINO; only the comparison serves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from wrinkle_server.steps.backend import ModelParameters
from wrinkle_server.steps.segment_step import SegmentStep
from wrinkle_server.steps.step import Step

__all__ = ["OnnxRuntimeStep"]

onnxruntime.disable_telemetry_events()


class _OnnxRuntimeSegmenter:
    """Stands where ``SegmentStep`` has its OpenVINO segmenter."""

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads  # 0 takes every core
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def infer(self, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Map (N, C, S, S) uint8 to (N, S, S) uint8."""
        return np.asarray(self._session.run(["PROBABILITY"], {"INPUT": network_input})[0])


class OnnxRuntimeStep(SegmentStep):
    """One execution copy of a segmenter in ONNX Runtime, FP32."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the network."""
        parameters = ModelParameters(args)
        path = Path(args["model_repository"], args["model_version"], parameters["network"])
        self._segmenter = _OnnxRuntimeSegmenter(path, int(parameters["threads"]))  # type: ignore[assignment]
        Step.initialize(self, args)
