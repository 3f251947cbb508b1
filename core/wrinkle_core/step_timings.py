"""How long each step of one request took, measured across the processes that run the steps.

The steps of an ensemble are processes of one machine and share its monotonic clock (CLOCK_MONOTONIC on Linux). So the
preprocess step stamps GEOMETRY with its own duration and the moment it ended, and the threshold step tells the rest:
what lies between the stamp and its own start is the segmenter, its queue and the way there and back.

GEOMETRY also goes to callers, and the clock's reading would tell them since when the machine runs. So moments are
counted from a secret one, which the processes of one machine derive from the identifier that Linux draws at each start.
Without it every process has a secret of its own: the segmenter's time is then known only where one runs all steps.

GEOMETRY is float32. The moment, in microseconds modulo 2**48, travels as two whole numbers below 2**24, which float32
holds exactly.

Source: random(4), /proc/sys/kernel/random/boot_id.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError

__all__ = ["STAMP_LENGTH", "PreprocessStamp", "StepTimings", "timings_at_threshold"]

STAMP_LENGTH: Final = 3
_BASE: Final = 2**24
_CYCLE_US: Final = _BASE * _BASE
_MAX_SEGMENT_US: Final = 3_600_000_000  # no request waits for an hour: a longer time is another machine's clock
_DIGITS: Final = 3
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class StepTimings:
    """Milliseconds per step; None where nobody measured.

    Attributes:
        preprocess_ms: Decoding, finding the face, aligning, masking; waiting for a free place included.
        segment_ms: From the end of preprocess to the start of threshold: the network, its queue, the copies between.
        threshold_ms: Warping back, cutting, measuring, encoding the pictures.
    """

    preprocess_ms: float | None = None
    segment_ms: float | None = None
    threshold_ms: float | None = None


@dataclass(frozen=True, slots=True)
class PreprocessStamp:
    """When the preprocess step ended, and how long it took.

    Attributes:
        duration_ms: Of the step.
        ended_us: Moment, microseconds from this machine's secret one, in [0, 2**48).
    """

    duration_ms: float
    ended_us: int

    @classmethod
    def since(cls, began_s: float) -> PreprocessStamp:
        """Return the stamp of a step that began at ``began_s`` of ``time.monotonic`` and ends now."""
        ended_s = time.monotonic()
        return cls(duration_ms=1e3 * (ended_s - began_s), ended_us=_moment_us(ended_s))

    def pack(self) -> NDArray[np.float32]:
        """Return (3,) float32: duration in milliseconds, then the moment's high and low 24 bits."""
        high, low = divmod(self.ended_us, _BASE)
        return np.asarray([self.duration_ms, high, low], np.float32)

    @classmethod
    def unpack(cls, values: NDArray[np.float32]) -> PreprocessStamp | None:
        """Read ``pack``'s values; all zero means that nobody stamped: None.

        Raises:
            ContractError: They are no such values.
        """
        if values.shape != (STAMP_LENGTH,):
            raise ContractError(f"A stamp has {STAMP_LENGTH} values, got {values.shape}.")
        duration_ms, high, low = (float(value) for value in values)
        if not values.any():
            return None
        if not (0.0 <= duration_ms < _BASE and all(0 <= digit < _BASE and digit.is_integer() for digit in (high, low))):
            raise ContractError("GEOMETRY's stamp is no duration and moment.")
        return cls(duration_ms, int(high) * _BASE + int(low))


def timings_at_threshold(stamp: PreprocessStamp | None, began_s: float) -> StepTimings:
    """Return the timings as the threshold step knows them when it ends.

    Args:
        stamp: What the preprocess step left, if it did; one of another machine or from before its last start lies in
            the future or far in the past, which leaves ``segment_ms`` unknown.
        began_s: When the threshold step began, by ``time.monotonic``.
    """
    threshold_ms = round(1e3 * (time.monotonic() - began_s), _DIGITS)
    if stamp is None:
        return StepTimings(threshold_ms=threshold_ms)
    segment_us = (_moment_us(began_s) - stamp.ended_us) % _CYCLE_US
    return StepTimings(
        preprocess_ms=round(stamp.duration_ms, _DIGITS),
        segment_ms=segment_us / 1e3 if segment_us <= _MAX_SEGMENT_US else None,
        threshold_ms=threshold_ms,
    )


def _moment_us(clock_s: float) -> int:
    """Return a reading of ``time.monotonic`` as it may leave this machine."""
    return (int(clock_s * 1e6) + _secret_us()) % _CYCLE_US


@cache
def _secret_us() -> int:
    """Return the same number in all processes of this machine until it starts again."""
    try:
        secret = _BOOT_ID.read_bytes()
    except OSError:
        secret = secrets.token_bytes()
    return int.from_bytes(hashlib.sha256(b"wrinkle step timings " + secret).digest(), "big") % _CYCLE_US
