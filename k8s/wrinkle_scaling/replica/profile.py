"""One replica's figures, as a measurement writes them: steps, their times, instances, queues and bounds.

``wrinkle simulate-autoscaling measure`` writes such a file from a running server. A file may also hold assumptions, and
then says so in ``origin``; nothing that is computed from it is a measurement.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wrinkle_core.errors import InvalidParameterError

__all__ = ["Bounds", "Processor", "ReplicaProfile", "StepProfile", "read_profile", "write_profile"]

Processor = Literal["cpu", "gpu"]
_STEPS: Final = ("front_end", "preprocess", "segment", "threshold")
Samples = Annotated[tuple[Annotated[float, Field(ge=0.0, le=3600.0)], ...], Field(min_length=1)]


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StepProfile(_Figures):
    """One step.

    Attributes:
        name: The Triton model, or ``front_end`` for what the server does besides.
        processor: What the step keeps busy.
        share: How many cores, or what part of a GPU, one call keeps busy when nothing else runs.
        instances: Calls at the same time; None for as many as there are requests.
        seconds: Measured times of one call with nothing else running, by the number of photographs in the call.
    """

    name: str
    processor: Processor = "cpu"
    share: Annotated[float, Field(gt=0.0, le=1024.0)] = 1.0
    instances: Annotated[int, Field(ge=1, le=1024)] | None = 1
    seconds: Annotated[dict[int, Samples], Field(min_length=1)]

    @model_validator(mode="after")
    def _starts_at_one(self) -> StepProfile:
        if min(self.seconds) != 1:
            raise ValueError(f"{self.name}: the times of a call with 1 photograph are missing")
        return self

    @property
    def max_batch_size(self) -> int:
        """Most photographs in a call."""
        return max(self.seconds)

    def mean_s(self, batch: int = 1) -> float:
        """Return the mean time of a call of a measured size."""
        return math.fsum(self.seconds[batch]) / len(self.seconds[batch])


class Bounds(_Figures):
    """What a replica refuses; the defaults are those of ``wrinkle serve``.

    Attributes:
        max_waiting: Photographs that may wait ahead of the segmenter; None when nobody publishes its queue's length.
        max_queue_size: Requests that may wait at one step; None when nobody publishes the queues' lengths.
        publication_s: How old the queue's length may be that admission goes by.
        refusal_s: Core time of a refusal.
    """

    max_waiting: Annotated[int, Field(ge=1)] | None = 16
    max_queue_size: Annotated[int, Field(ge=1)] | None = 64
    publication_s: Annotated[float, Field(gt=0.0, le=60.0)] = 0.05
    refusal_s: Annotated[float, Field(ge=0.0, le=60.0)] = 0.0009


class ReplicaProfile(_Figures):
    """One replica.

    Attributes:
        name: Of the profile.
        origin: What was measured or assumed, where and how.
        measured: Whether the times come from a measurement.
        cores: Processor cores.
        gpus: GPUs, or parts of one.
        front_end: What the server does besides its steps, before the first.
        preprocess: Decides whether the photograph is let in.
        segment: The network.
        threshold: The last step.
        bounds: What is refused.
    """

    name: str
    origin: str
    measured: bool
    cores: Annotated[float, Field(gt=0.0, le=1024.0)]
    gpus: Annotated[float, Field(ge=0.0, le=64.0)] = 0.0
    front_end: StepProfile
    preprocess: StepProfile
    segment: StepProfile
    threshold: StepProfile
    bounds: Bounds = Bounds()

    @model_validator(mode="after")
    def _runnable(self) -> ReplicaProfile:
        for step in self.steps:
            if step.processor == "gpu" and self.gpus == 0.0:
                raise ValueError(f"{step.name} needs a GPU, and there is none")
        for step in (self.front_end, self.preprocess, self.threshold):
            if step.max_batch_size > 1:
                raise ValueError(f"{step.name} takes one photograph a call")
        return self

    @property
    def steps(self) -> tuple[StepProfile, ...]:
        """The steps in a photograph's order."""
        return (self.front_end, self.preprocess, self.segment, self.threshold)

    def capacity_hz(self) -> float:
        """Return the photographs per second that the busiest part allows: a step's instances, the cores or the GPUs."""
        busy_s: dict[Processor, float] = {"cpu": 0.0, "gpu": 0.0}
        limits_hz = []
        for step in self.steps:
            largest = step.max_batch_size
            per_photo_s = step.mean_s(largest) / largest
            busy_s[step.processor] += per_photo_s * min(step.share, self._capacity(step.processor))
            if step.instances is not None and per_photo_s:
                limits_hz.append(step.instances / per_photo_s)
        limits_hz += [self._capacity(kind) / seconds for kind, seconds in busy_s.items() if seconds]
        return min(limits_hz)

    def unloaded_s(self) -> float:
        """Return the mean time of one photograph with nothing else there."""
        return math.fsum(step.mean_s() for step in self.steps)

    def _capacity(self, kind: Processor) -> float:
        return self.cores if kind == "cpu" else self.gpus


def read_profile(path: Path) -> ReplicaProfile:
    """Read a profile.

    Raises:
        InvalidParameterError: The file cannot be read, or a figure is missing or impossible.
    """
    try:
        return ReplicaProfile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidParameterError(f"{path.name} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise InvalidParameterError(f"{path.name} is no replica's profile: {error}") from error


def write_profile(profile: ReplicaProfile, path: Path) -> None:
    """Write a profile, a line per step, times to a hundredth of a millisecond and ascending.

    Raises:
        OSError: The file cannot be written.
    """
    document = profile.model_dump(mode="json")
    lines = []
    for name, value in document.items():
        if name in _STEPS:
            value["seconds"] = {
                size: sorted(round(each, 5) for each in times) for size, times in value["seconds"].items()
            }
        lines.append(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
