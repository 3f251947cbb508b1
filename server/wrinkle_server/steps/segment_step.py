"""The Triton steps ``unetpp`` and ``unet_texture`` in CPU form: OpenVINO runs the network file beside ``model.py``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wrinkle_core.inference import OnnxSegmenter
from wrinkle_server.steps.backend import answer, cancelled, failure, input_array

__all__ = ["SegmentStep"]


class SegmentStep:
    """One execution copy of a segmenter; the requests of one dynamic batch run as one inference."""

    def initialize(self, args: dict[str, str]) -> None:
        """Compile the network.

        Raises:
            ArtifactError: The network file is missing or has other ports than the contract.
        """
        parameters = json.loads(args["model_config"])["parameters"]
        threads = int(parameters["threads"]["string_value"])
        cache_dir = parameters["cache_dir"]["string_value"]
        self._segmenter = OnnxSegmenter(
            Path(args["model_repository"], args["model_version"], parameters["network"]["string_value"]),
            threads=threads or None,
            precision=parameters["precision"]["string_value"],
            cache_dir=Path(cache_dir) if cache_dir else None,
        )

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer the whole batch with one inference."""
        responses = {index: gone for index, request in enumerate(requests) if (gone := cancelled(request))}
        waiting = [index for index in range(len(requests)) if index not in responses]
        if waiting:
            try:
                answers = self._segment([requests[index] for index in waiting])
            except Exception as error:
                answers = [failure(error) for _ in waiting]
            responses |= dict(zip(waiting, answers, strict=True))
        return [responses[index] for index in range(len(requests))]

    def _segment(self, requests: Sequence[Any]) -> list[Any]:
        inputs = [input_array(request, "INPUT") for request in requests]  # each (n, C, S, S) uint8
        probability = self._segmenter.infer(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
        ends = np.cumsum([len(each) for each in inputs])[:-1]
        return [answer({"PROBABILITY": part}) for part in np.split(probability, ends)]  # each (n, S, S) uint8
