"""Multi-scale wrinkle annotator, after Yap et al. 2018: hybrid Hessian at fine and coarse scales, and their union.

Known: multi-scale HHF that separates coarse from fine wrinkles, with a probability map. The scales and thresholds are
ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import InvalidParameterError
from wrinkle_train.comparison.answer import LineAnswer
from wrinkle_train.comparison.frame import face_frame
from wrinkle_train.comparison.hybrid_hessian import SMALLEST_AREA_PX, hybrid_response
from wrinkle_train.comparison.pieces import large_pieces

__all__ = ["FineAndCoarse", "fine_and_coarse", "multiscale"]

_FINE_SIGMAS_PX: Final = (1.0, 2.0)
_COARSE_SIGMAS_PX: Final = (3.0, 5.0, 7.0)
_SMALLEST_FINE_AREA_PX: Final = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class FineAndCoarse:
    """Both kinds of wrinkle of one face.

    Attributes:
        fine: (S, S) uint8 {0, 1}, scales up to 2 px of the 512 px frame.
        coarse: (S, S) uint8 {0, 1}, scales from 3 px on; may overlap ``fine``.
        response: (S, S) float32 [0, 1], the larger of both responses.
    """

    fine: NDArray[np.uint8]
    coarse: NDArray[np.uint8]
    response: NDArray[np.float32]


def fine_and_coarse(face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], *, threshold: float) -> FineAndCoarse:
    """Mark fine and coarse wrinkles apart; arguments and errors as in ``multiscale``."""
    if not 0 < threshold < 1:
        raise InvalidParameterError(f"The threshold of the multi-scale annotator is 0 to 1, got {threshold}.")
    frame = face_frame(face_rgb, skin)
    fine = hybrid_response(frame, _FINE_SIGMAS_PX, both_axes=True)
    coarse = hybrid_response(frame, _COARSE_SIGMAS_PX, both_axes=True)
    return FineAndCoarse(
        large_pieces((fine >= threshold).astype(np.uint8), frame.area(_SMALLEST_FINE_AREA_PX)),
        large_pieces((coarse >= threshold).astype(np.uint8), frame.area(SMALLEST_AREA_PX)),
        np.maximum(fine, coarse),
    )


def multiscale(face_rgb: NDArray[np.uint8], skin: NDArray[np.uint8], *, threshold: float) -> LineAnswer:
    """Mark the lines of one face: fine or coarse, both axes.

    Args:
        face_rgb: (S, S, 3) uint8 RGB, aligned.
        skin: (S, S) uint8 {0, 1}.
        threshold: Cut of both responses, 0 < threshold < 1.

    Returns:
        Mask and response in [0, 1]. Fine regions under 60 px and coarse ones under 250 px (of the 512 px frame) are
        dropped.

    Raises:
        ContractError: The face or its mask is not as above.
        InvalidParameterError: The threshold is out of range.
    """
    found = fine_and_coarse(face_rgb, skin, threshold=threshold)
    return LineAnswer(found.fine | found.coarse, found.response)
