"""The Triton steps ``skin_mask`` and ``skin_texture``: an encoded photograph in, network input and geometry out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2

from wrinkle_core.contract import SEGMENTERS, SegmenterContract
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import ContractError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.postprocess import ThresholdOptions
from wrinkle_core.preprocess import prepare
from wrinkle_server.steps.backend import Tensors, answer_each, input_array, request_parameters

__all__ = ["PreprocessStep"]


class PreprocessStep:
    """One process of a preprocessor; the segmenter it prepares for follows from the Triton model's name.

    One core each: throughput comes from instances, and threads of many instances would fight for the cores.
    """

    def initialize(self, args: dict[str, str]) -> None:
        """Load the face networks.

        Raises:
            ArtifactError: The face networks are not on this machine.
            ContractError: No segmenter has this preprocessor.
        """
        cv2.setNumThreads(1)
        self._spec = _segmenter_prepared_by(args["model_name"])
        self._landmarker = FaceLandmarker(threads=1)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer every request by itself."""
        return answer_each(requests, self._prepare)

    def _prepare(self, request: Any) -> Tensors:
        # A wrong option is told before the network has run for nothing.
        ThresholdOptions.from_parameters(request_parameters(request))
        photo_rgb = decode_image(input_array(request, "IMAGE").data)
        prepared = prepare(photo_rgb, self._spec, self._landmarker)
        return {"INPUT": prepared.network_input, "GEOMETRY": prepared.geometry.pack()}


def _segmenter_prepared_by(model_name: str) -> SegmenterContract:
    for spec in SEGMENTERS:
        if spec.preprocessor == model_name:
            return spec
    raise ContractError(f"No segmenter is prepared by {model_name!r}.")
