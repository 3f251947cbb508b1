"""The Triton step ``threshold``: probability and geometry in, mask, probability map, skin mask and report out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from wrinkle_core.geometry import Geometry
from wrinkle_core.heap import keep_freed_memory
from wrinkle_core.postprocess import ThresholdOptions, postprocess
from wrinkle_server.steps.backend import Tensors, input_array, request_parameters
from wrinkle_server.steps.step import Step

__all__ = ["ThresholdStep"]


class ThresholdStep(Step):
    """One process of the threshold step, for one core."""

    def initialize(self, args: dict[str, str]) -> None:
        """Keep OpenCV to one thread."""
        cv2.setNumThreads(1)
        keep_freed_memory()
        super().initialize(args)

    def _answer(self, requests: Sequence[Any]) -> list[Any]:
        return self._answer_each(requests, _threshold)


def _threshold(request: Any) -> Tensors:
    options = ThresholdOptions.from_parameters(request_parameters(request))
    geometry = Geometry.unpack(input_array(request, "GEOMETRY"))
    found = postprocess(input_array(request, "PROBABILITY"), input_array(request, "INPUT"), geometry, options)
    return {
        "MASK_PNG": np.frombuffer(found.mask_png, np.uint8),
        "PROBABILITY_PNG": np.frombuffer(found.probability_png, np.uint8),
        "SKIN_MASK_PNG": np.frombuffer(found.skin_mask_png, np.uint8),
        "REPORT_JSON": np.frombuffer(found.report_json, np.uint8),
    }
