"""The Triton steps ``unetpp`` and ``unet_texture`` in CPU form: OpenVINO runs the network file beside ``model.py``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from wrinkle_core.inference import OnnxSegmenter, Precision
from wrinkle_server.steps.backend import ModelParameters, answer, input_array, max_batch_size
from wrinkle_server.steps.step import Step

__all__ = ["SegmentStep"]


class SegmentStep(Step):
    """One execution copy of a segmenter; the requests of one dynamic batch run side by side."""

    def initialize(self, args: dict[str, str]) -> None:
        """Compile the network.

        Raises:
            ArtifactError: The network file is missing or has other ports than the contract.
            ContractError: ``config.pbtxt`` lacks a parameter.
        """
        parameters = ModelParameters(args)
        version, threads, cache_dir = args["model_version"], int(parameters["threads"]), parameters["cache_dir"]
        # A version that was added to a repository may differ from the first one in file and precision.
        network = parameters.get(f"network.{version}", parameters["network"])
        self._segmenter = OnnxSegmenter(
            Path(args["model_repository"], version, network),
            threads=threads or None,
            precision=cast(Precision, parameters.get(f"precision.{version}", parameters["precision"])),
            cache_dir=Path(cache_dir) if cache_dir else None,
            side_by_side=max_batch_size(args),
        )
        super().initialize(args)

    def _answer(self, requests: Sequence[Any]) -> list[Any]:
        responses = {index: away for index, request in enumerate(requests) if (away := self._turned_away(request))}
        waiting = [index for index in range(len(requests)) if index not in responses]
        if waiting:
            began = time.monotonic()
            try:
                answers = self._segment([requests[index] for index in waiting])
            except Exception as error:
                seconds = time.monotonic() - began
                answers = [self._failure(requests[index], error, seconds) for index in waiting]
            responses |= dict(zip(waiting, answers, strict=True))
        return [responses[index] for index in range(len(requests))]

    def _segment(self, requests: Sequence[Any]) -> list[Any]:
        inputs = [input_array(request, "INPUT") for request in requests]  # each (n, C, S, S) uint8
        probability = self._segmenter.infer(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
        ends = np.cumsum([len(each) for each in inputs])[:-1]
        return [answer({"PROBABILITY": part}) for part in np.split(probability, ends)]  # each (n, S, S) uint8
