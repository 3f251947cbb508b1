"""A photograph whose answer is known: the only proof that an ensemble serves.

``/v2/health/ready`` says that models are loaded, not that they work: with a wrong NumPy every request succeeds with
empty outputs, and a killed Python step leaves its model READY for ever. The photograph is a crop of Grace Hopper's
portrait (public domain, U.S. Navy). What its face must give follows from the face networks alone and holds for all
weights; the first good mask becomes the reference for the later ones.
"""

from __future__ import annotations

import importlib.resources
from functools import cache
from typing import Any, Final

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ServerFaultError
from wrinkle_server.supervision.canary_answer import CanaryAnswer
from wrinkle_server.triton.admin_api import AdminApi
from wrinkle_server.triton.raw_inference import infer_over

__all__ = ["MIN_REFERENCE_IOU", "Canary", "canary_photo"]

MIN_REFERENCE_IOU: Final = 0.97  # another batch or another processor core rounds a few pixels the other way


@cache
def canary_photo() -> bytes:
    """Return the encoded photograph: one face with wrinkles, 440 x 440 pixels."""
    return (importlib.resources.files("wrinkle_server.supervision") / "canary.jpg").read_bytes()


class Canary:
    """The known answer of one ensemble."""

    def __init__(self, spec: SegmenterContract) -> None:
        self._spec = spec
        self._reference: tuple[tuple[str, ...], CanaryAnswer] | None = None

    @property
    def ensemble(self) -> str:
        """Triton name of the ensemble."""
        return self._spec.ensemble

    def check(self, admin: AdminApi, timeout_s: float) -> None:
        """Send the photograph and check the answer; masks of different model versions are not compared.

        Raises:
            WrinkleError: What the server answered, or that it did not.
            ServerFaultError: The answer is wrong.
        """
        versions = _versions(admin.config(self.ensemble))
        outputs = infer_over(admin.http_connection(timeout_s), self.ensemble, canary_photo())
        answer = CanaryAnswer.checked(self.ensemble, outputs)
        if _versions(admin.config(self.ensemble)) != versions:
            return  # promoted meanwhile: either version may have answered
        if self._reference is None or self._reference[0] != versions:
            self._reference = (versions, answer)
            return
        overlap = answer.iou(self._reference[1])
        if overlap < MIN_REFERENCE_IOU:
            raise ServerFaultError(f"{self.ensemble} marks other wrinkles than at first (IoU {overlap:.2f}).")


def _versions(ensemble_config: dict[str, Any]) -> tuple[str, ...]:
    """Return the version of each step that an ensemble runs; -1 is the newest."""
    return tuple(str(step.get("model_version", -1)) for step in ensemble_config["ensemble_scheduling"]["step"])
