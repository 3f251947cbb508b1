"""What a plan rests on, each figure with where it comes from.

In the file a figure is written out, or taken from a replica's profile: ``{profile: FILE, steps: [NAME, …]}`` is the
mean time of these steps together, in seconds. The profile's path is relative to the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.replica.profile import read_profile

__all__ = ["Assumptions", "Figure", "Variant", "read_assumptions"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figure(_Part):
    """One figure.

    Attributes:
        value: In the unit that its name says.
        origin: Where it comes from.
        measured: Whether it was measured; what was not is an assumption, to be measured.
    """

    value: Annotated[float, Field(gt=0.0)]
    origin: str
    measured: bool = False


class Variant(_Part):
    """One kind of replica.

    Attributes:
        name: What it is.
        network_s: Time of one photograph in the network, at full batches.
        cores: Processor cores of a replica.
        gpus: GPUs of a replica, 0 for none.
        network_cores: Cores that the network keeps busy while it works; about 0 on a GPU.
    """

    name: str
    network_s: Figure
    cores: Annotated[int, Field(ge=1)]
    gpus: Annotated[float, Field(ge=0.0)]
    network_cores: Annotated[float, Field(ge=0.0)] = 0.0


class Assumptions(_Part):
    """What a plan rests on.

    Attributes:
        utilisation: Share of its capacity that a replica is loaded with.
        spare: Share of replicas beyond the need: rollouts, a failed zone, uneven balance.
        steps_core_s: Core time of pre- and postprocessing, per photograph.
        server_core_s: Core time of the server besides, per photograph: HTTP, scheduling, copies.
        photo_bytes: Of a photograph as a file.
        answer_bytes: Of an answer.
        gateway_core_s: Core time of the gateway per photograph.
        gateway_cores: Cores of one gateway.
        network_bits_s: What one node's network carries.
        variants: Kinds of replicas.
    """

    utilisation: Figure
    spare: Figure
    steps_core_s: Figure
    server_core_s: Figure
    photo_bytes: Figure
    answer_bytes: Figure
    gateway_core_s: Figure
    gateway_cores: Figure
    network_bits_s: Figure
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]

    def figures(self) -> dict[str, Figure]:
        """Return every figure by its name."""
        found = {name: value for name in type(self).model_fields if isinstance(value := getattr(self, name), Figure)}
        return found | {f"network_s, {variant.name}": variant.network_s for variant in self.variants}


def read_assumptions(path: Path) -> Assumptions:
    """Read a plan's assumptions.

    Raises:
        InvalidParameterError: The file cannot be read, or a figure is missing or impossible.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Assumptions.model_validate(_with_figures_of_profiles(document, path.parent))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidParameterError(f"{path.name} cannot be read: {type(error).__name__}.") from error
    except yaml.YAMLError as error:
        raise InvalidParameterError(f"{path.name} is no YAML: {error}") from error
    except ValidationError as error:
        raise InvalidParameterError(f"{path.name} is no plan's assumptions: {error}") from error


def _with_figures_of_profiles(document: Any, folder: Path) -> Any:
    if isinstance(document, list):
        return [_with_figures_of_profiles(each, folder) for each in document]
    if not isinstance(document, dict):
        return document
    if "profile" in document:
        return _ProfileFigure.model_validate(document).figure(folder).model_dump()
    return {name: _with_figures_of_profiles(value, folder) for name, value in document.items()}


class _ProfileFigure(_Part):
    profile: Path
    steps: Annotated[tuple[str, ...], Field(min_length=1)]

    def figure(self, folder: Path) -> Figure:
        profile = read_profile(folder / self.profile)
        means_s = {step.name: step.mean_s() for step in profile.steps}
        unknown = [name for name in self.steps if name not in means_s]
        if unknown:
            raise InvalidParameterError(f"{self.profile.name} has no step {unknown[0]}, only {', '.join(means_s)}.")
        value = sum(means_s[name] for name in self.steps)
        origin = f"{' and '.join(self.steps)}, {profile.origin}"
        return Figure(value=float(f"{value:.3g}"), origin=origin, measured=profile.measured)
