"""What one row of a table came to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wrinkle_train.recipe import PaperRow
from wrinkle_train.scores.pixel_metrics import SetScores

__all__ = ["ExampleFace", "RowResult"]


@dataclass(frozen=True, slots=True, eq=False)
class ExampleFace:
    """One test picture with what a row marked on it.

    Attributes:
        name: The picture's id.
        rgb: (S, S, 3) uint8, what the network saw.
        truth: (S, S) uint8 {0, 1}.
        marked: (S, S) uint8 {0, 1}.
    """

    name: str
    rgb: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    marked: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class RowResult:
    """One row of a table.

    Attributes:
        recipe: The recipe's name.
        paper: Which row it is and what was printed there.
        fingerprint: Rows with the same one share a run.
        scores: On the test pictures, against their whole labels.
        masked: Against the labels inside the mask the network sees.
        parameters: Of the network that was trained; None for a filter.
        run_s: Seconds of training, pretraining included; None for a filter.
        initial_weights: Where the network started, in the run record's words.
        examples: A few test pictures.
    """

    recipe: str
    paper: PaperRow
    fingerprint: str
    scores: SetScores
    masked: SetScores
    parameters: int | None
    run_s: float | None
    initial_weights: str
    examples: tuple[ExampleFace, ...]
