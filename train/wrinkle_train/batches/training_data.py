"""The data of one run: its batches, their number in an epoch, their hash, and what it is validated on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wrinkle_train.batches.kinds import Batch, BatchSource

__all__ = ["TrainingData"]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a run, or a stage, learns from.

    Attributes:
        source: Makes ``Batch``es for training, ``TextureBatch``es or ``PictureBatch``es for a stage.
        records: Number of training pictures in an epoch; None when they are rendered without end.
        digest: SHA-256 of the data, for the run record.
        validation: Makes the validation pictures, whole and in order; None without any.
    """

    source: BatchSource
    records: int | None
    digest: str
    validation: Callable[[], Iterable[Batch]] | None = None
