"""What a comparison system says of one face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LineAnswer"]


@dataclass(frozen=True, slots=True, eq=False)
class LineAnswer:
    """Marked lines with the response they were cut from.

    Attributes:
        mask: (S, S) uint8 {0, 1}, 0 outside the skin mask.
        response: (S, S) float32, at least 0, higher where a line is likelier; 0 outside the skin mask. Its unit is the
            system's own and is stated where the answer is made.
    """

    mask: NDArray[np.uint8]
    response: NDArray[np.float32]
