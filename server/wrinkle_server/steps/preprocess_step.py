"""The Triton steps ``skin_mask`` and ``skin_texture``: an encoded photograph in, network input and geometry out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2

from wrinkle_core.contract import SEGMENTERS, SegmenterContract
from wrinkle_core.decode import DecodeLimits
from wrinkle_core.errors import ContractError
from wrinkle_core.heap import keep_freed_memory
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.postprocess import ThresholdOptions
from wrinkle_core.preprocess import prepare_encoded
from wrinkle_core.quality import quality_warnings
from wrinkle_core.step_timings import PreprocessStamp
from wrinkle_server.steps.admission import Admission
from wrinkle_server.steps.backend import (
    ModelParameters,
    Tensors,
    input_array,
    instance_count,
    request_parameters,
)
from wrinkle_server.steps.metrics import capture_warnings, faces_found
from wrinkle_server.steps.quiet_decoders import quiet_decoders
from wrinkle_server.steps.run_folder import run_folder
from wrinkle_server.steps.step import Step

__all__ = ["PreprocessStep"]


class PreprocessStep(Step):
    """One process of a preprocessor; the segmenter it prepares for follows from the Triton model's name.

    One core each: throughput comes from instances, and threads of many instances would fight for the cores.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Load the face networks.

        Raises:
            ArtifactError: The face networks are not on this machine.
            ContractError: No segmenter has this preprocessor, or a limit is impossible.
        """
        cv2.setNumThreads(1)
        keep_freed_memory()
        parameters = ModelParameters(args)
        self._spec = _segmenter_prepared_by(args["model_name"])
        self._limits = DecodeLimits(int(parameters["max_encoded_bytes"]), int(parameters["max_pixels"]))
        self._admission = Admission(
            run_folder(),
            self._spec,
            max_waiting=int(parameters["max_waiting"]),
            instances=instance_count(args),
        )
        self._landmarker = FaceLandmarker(threads=1)
        self._faces_found = faces_found(args["model_name"])
        self._capture_warnings = capture_warnings(args["model_name"])
        super().initialize(args)

    def _answer(self, requests: Sequence[Any]) -> list[Any]:
        return self._answer_each(requests, self._prepare)

    def _prepare(self, request: Any) -> Tensors:
        began_s = time.monotonic()
        # A wrong option is told before the network has run for nothing.
        ThresholdOptions.from_parameters(request_parameters(request))
        with self._admission.place():
            with quiet_decoders():
                encoded = input_array(request, "IMAGE").data
                prepared = prepare_encoded(encoded, self._spec, self._landmarker, self._limits)
        self._faces_found.count()
        for warning in quality_warnings(prepared.geometry.quality):
            self._capture_warnings.count(warning.code)
        geometry = replace(prepared.geometry, stamp=PreprocessStamp.since(began_s))
        return {"INPUT": prepared.network_input, "GEOMETRY": geometry.pack()}


def _segmenter_prepared_by(model_name: str) -> SegmenterContract:
    for spec in SEGMENTERS:
        if spec.preprocessor == model_name:
            return spec
    raise ContractError(f"No segmenter is prepared by {model_name!r}.")
