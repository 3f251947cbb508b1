"""What the canary photograph must give, whatever the weights are.

Where its face lies follows from the face networks alone; how much of its skin a network marks is bounded for every
network that is worth serving.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.contract import model
from wrinkle_core.errors import ContractError, ServerFaultError
from wrinkle_core.report import Report

__all__ = ["CanaryAnswer"]

_INTEROCULAR_DISTANCE_PX: Final = 88.25
_INTEROCULAR_TOLERANCE_PX: Final = 1.0
_MAX_WRINKLED_FRACTION: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class CanaryAnswer:
    """A checked answer to the canary photograph.

    Attributes:
        mask: (H, W) bool in the photograph's pixels; True is wrinkle.
        wrinkled_fraction: Share of the skin that is marked, in (0, 0.5).
    """

    mask: NDArray[np.bool_]
    wrinkled_fraction: float

    @classmethod
    def checked(cls, model_name: str, outputs: Mapping[str, bytes]) -> CanaryAnswer:
        """Return what a model answered.

        Args:
            model_name: Who answered, for the message.
            outputs: The outputs of the threshold step by name.

        Raises:
            ServerFaultError: The answer is wrong.
        """
        for tensor in model("threshold").outputs:
            if tensor.name not in outputs:
                raise ServerFaultError(f"The canary's answer of {model_name} lacks {tensor.name}.")
        if not outputs["MASK_PNG"] or not outputs["REPORT_JSON"]:
            raise ServerFaultError(f"The canary's answer of {model_name} is empty; is NumPy older than 2 installed?")
        try:
            report = Report.from_json(outputs["REPORT_JSON"])
        except ContractError as error:
            raise ServerFaultError(f"The canary's report of {model_name} cannot be read.") from error
        mask = cv2.imdecode(np.frombuffer(outputs["MASK_PNG"], np.uint8), cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != (report.image_height_px, report.image_width_px):
            raise ServerFaultError(f"The canary's mask of {model_name} is no picture of the photograph's size.")
        if abs(report.interocular_distance_px - _INTEROCULAR_DISTANCE_PX) > _INTEROCULAR_TOLERANCE_PX:
            raise ServerFaultError(f"{model_name} finds the canary's face in another place.")
        fraction = report.whole_face.wrinkled_area_fraction
        if fraction is None or not 0.0 < fraction < _MAX_WRINKLED_FRACTION:
            raise ServerFaultError(f"{model_name} marks {fraction} of the canary's skin, which no face has.")
        return cls(np.asarray(mask > 0), fraction)

    def iou(self, other: CanaryAnswer) -> float:
        """Return the overlap of two masks over their union, in [0, 1]; 1 when both are empty."""
        union = np.count_nonzero(self.mask | other.mask)
        return np.count_nonzero(self.mask & other.mask) / union if union else 1.0
