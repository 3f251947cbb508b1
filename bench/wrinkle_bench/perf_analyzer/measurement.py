"""What one run of ``perf_analyzer`` found, in milliseconds and requests per second."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from io import StringIO
from typing import Final

from wrinkle_core.errors import ArtifactError

__all__ = ["Measurement", "StepTimes", "read_csv"]

_MS_PER_US: Final = 1e-3
_COLUMNS: Final = {
    "p50_ms": "p50 latency",
    "p90_ms": "p90 latency",
    "p95_ms": "p95 latency",
    "p99_ms": "p99 latency",
    "mean_ms": "Avg latency",
    "client_send_ms": "Client Send",
    "client_receive_ms": "Client Recv",
}


@dataclass(frozen=True, slots=True)
class StepTimes:
    """What a request spent in one model, on average, as the server counts it.

    Attributes:
        requests: How many were counted.
        queue_ms: Waiting for a free instance.
        copy_in_ms: Its tensors on their way to the step.
        compute_ms: The step itself.
        copy_out_ms: Its answer on the way back.
    """

    requests: int
    queue_ms: float
    copy_in_ms: float
    compute_ms: float
    copy_out_ms: float

    @property
    def total_ms(self) -> float:
        """Return all four together."""
        return self.queue_ms + self.copy_in_ms + self.compute_ms + self.copy_out_ms


@dataclass(frozen=True, slots=True)
class Measurement:
    """One model under one load.

    Attributes:
        throughput_hz: Answers per second.
        p50_ms: Latency at the client, and so on.
        p90_ms: 90th percentile.
        p95_ms: 95th percentile.
        p99_ms: 99th percentile.
        mean_ms: Mean.
        client_send_ms: Sending, within the mean.
        client_receive_ms: Receiving, within the mean.
        steps: By the model's name.
    """

    throughput_hz: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    client_send_ms: float
    client_receive_ms: float
    steps: dict[str, StepTimes] = field(default_factory=dict)

    @property
    def between_ms(self) -> float:
        """Return the mean that no step accounts for: the network, the front end, hops between the steps."""
        return max(0.0, self.mean_ms - sum(step.total_ms for step in self.steps.values()))


def read_csv(text: str, steps: dict[str, StepTimes]) -> Measurement:
    """Read the report of a run at one concurrency.

    Args:
        text: CSV as ``perf_analyzer -f`` with ``--verbose-csv`` writes it.
        steps: What the server counted meanwhile.

    Raises:
        ArtifactError: A column is missing, or there is not exactly one line.
    """
    rows = list(csv.DictReader(StringIO(text)))
    if len(rows) != 1:
        raise ArtifactError(f"perf_analyzer reported {len(rows)} loads where one was asked for.")
    row = rows[0]
    try:
        times = {name: float(row[column]) * _MS_PER_US for name, column in _COLUMNS.items()}
        return Measurement(throughput_hz=float(row["Inferences/Second"]), steps=steps, **times)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"perf_analyzer's report is of another form: {error!s:.100}.") from error
