"""Arrivals recorded somewhere: a CSV file of single times, or of rates.

A file with the column ``time_s`` has one line per photograph and is replayed to the letter. A file with ``from_s`` and
``rate_hz`` has one line per change of the rate, as exported from a monitoring system.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.arrivals.patterns import MAX_ARRIVALS, RateSteps

__all__ = ["read_recorded"]


def read_recorded(path: Path) -> NDArray[np.float64] | RateSteps:
    """Return the times, ascending and in seconds, or the rates of a recorded file.

    Raises:
        InvalidParameterError: The file cannot be read, has neither form, or a number in it is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = csv.DictReader(file)
            columns = set(lines.fieldnames or ())
            if columns == {"time_s"}:
                return _times(lines)
            if columns == {"from_s", "rate_hz"}:
                steps = tuple((float(line["from_s"]), float(line["rate_hz"])) for line in _bounded(lines))
                return RateSteps(steps=steps)
    except OSError as error:
        raise InvalidParameterError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValidationError, ValueError, TypeError) as error:
        raise InvalidParameterError(f"{path.name} is no recorded trace: {error}") from error
    raise InvalidParameterError(
        f"{path.name} has the columns {', '.join(sorted(columns)) or 'none'}; "
        "a trace has time_s, or from_s and rate_hz."
    )


def _times(lines: csv.DictReader[str]) -> NDArray[np.float64]:
    times_s = np.array([float(line["time_s"]) for line in _bounded(lines)], np.float64)
    if not np.all(np.isfinite(times_s)) or (times_s.size and times_s.min() < 0.0):
        raise ValueError("times must be finite and not before 0")
    return np.sort(times_s)


def _bounded(lines: csv.DictReader[str]) -> list[dict[str, str]]:
    kept: list[dict[str, str]] = []
    for line in lines:
        if len(kept) == MAX_ARRIVALS:
            raise ValueError(f"more than {MAX_ARRIVALS} lines")
        kept.append(line)
    return kept
