"""A scenario: what is simulated, as a YAML file.

Paths in it are relative to the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.arrivals.patterns import Pattern, poisson_arrivals
from wrinkle_scaling.arrivals.recorded import read_recorded
from wrinkle_scaling.autoscaler.spec import AutoscalerSpec
from wrinkle_scaling.cluster.metrics import require_metrics
from wrinkle_scaling.cluster.spec import ClusterSpec
from wrinkle_scaling.replica.profile import ReplicaProfile, read_profile

__all__ = ["LoadSpec", "Scenario", "ScenarioFile", "read_scenario"]


class LoadSpec(BaseModel):
    """When photographs come: a pattern, or a recorded file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: Pattern | None = None
    recorded: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> LoadSpec:
        if (self.pattern is None) == (self.recorded is None):
            raise ValueError("give either pattern or recorded")
        return self


class ScenarioFile(BaseModel):
    """The YAML file.

    Attributes:
        title: What it is about.
        profile: File with one replica's figures.
        duration_s: How long photographs come; what is in flight then is finished.
        load: When they come.
        replicas: How many there are at the start.
        cluster: What the cluster adds.
        autoscaler: Who changes the number; None leaves it as it is.
        promised_s: Time within which an answer should come.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    profile: Path
    duration_s: Annotated[float, Field(gt=0.0, le=31 * 86400.0)]
    load: LoadSpec
    replicas: Annotated[int, Field(ge=0, le=10_000)]
    cluster: ClusterSpec
    autoscaler: AutoscalerSpec | None = None
    promised_s: Annotated[float, Field(gt=0.0, le=3600.0)] = 5.0


@dataclass(frozen=True)
class Scenario:
    """What is simulated, with everything read.

    Attributes:
        title: What it is about.
        profile: One replica's figures.
        duration_s: How long photographs come.
        load: A pattern, or the times themselves in seconds, ascending.
        replicas: How many there are at the start.
        cluster: What the cluster adds.
        autoscaler: Who changes the number; None leaves it as it is.
        promised_s: Time within which an answer should come.
    """

    title: str
    profile: ReplicaProfile
    duration_s: float
    load: Pattern | NDArray[np.float64]
    replicas: int
    cluster: ClusterSpec
    autoscaler: AutoscalerSpec | None = None
    promised_s: float = 5.0

    def arrivals_s(self, generator: np.random.Generator) -> NDArray[np.float64]:
        """Return the times at which photographs come, ascending.

        Raises:
            InvalidParameterError: Too many would come.
        """
        if isinstance(self.load, np.ndarray):
            return self.load[self.load < self.duration_s]
        try:
            return poisson_arrivals(self.load, self.duration_s, generator)
        except ValueError as error:
            raise InvalidParameterError(f"{self.title}: {error}.") from error


def read_scenario(path: Path) -> Scenario:
    """Read a scenario and the files that it names.

    Raises:
        InvalidParameterError: A file cannot be read, or something in it is unknown or out of range.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        file = ScenarioFile.model_validate(document)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameterError(f"{path.name} cannot be read: {type(error).__name__}.") from error
    except yaml.YAMLError as error:
        raise InvalidParameterError(f"{path.name} is no YAML: {error}") from error
    except ValidationError as error:
        raise InvalidParameterError(f"{path.name} is no scenario: {error}") from error
    if file.autoscaler is not None:
        require_metrics(each.metric for each in file.autoscaler.metrics)
    return Scenario(
        file.title,
        read_profile(path.parent / file.profile),
        file.duration_s,
        _load(path, file.load),
        file.replicas,
        file.cluster,
        file.autoscaler,
        file.promised_s,
    )


def _load(path: Path, spec: LoadSpec) -> Pattern | NDArray[np.float64]:
    if spec.recorded is not None:
        return read_recorded(path.parent / spec.recorded)
    assert spec.pattern is not None
    return spec.pattern
