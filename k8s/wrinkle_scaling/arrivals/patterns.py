"""Rates of arrival over time, and Poisson arrivals at them.

Strangers ask independently of each other, so arrivals at a given rate are a Poisson process. One at a varying rate is
made by thinning: arrivals at the highest rate, each kept with probability rate/highest.

Source: Lewis and Shedler, Simulation of nonhomogeneous Poisson processes by thinning, 1979.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["MAX_ARRIVALS", "Constant", "Diurnal", "FlashCrowd", "Pattern", "RateSteps", "poisson_arrivals"]

MAX_ARRIVALS: Final = 20_000_000

Seconds = Annotated[float, Field(ge=0.0, le=31 * 86400.0)]
Rate = Annotated[float, Field(ge=0.0, le=1e6)]


class _Pattern(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Constant(_Pattern):
    """The same rate all the time."""

    kind: Literal["constant"]
    rate_hz: Rate

    def rates_hz(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return photographs per second at each of the times."""
        return np.full_like(at_s, self.rate_hz)

    @property
    def highest_hz(self) -> float:
        """Bound of the rate."""
        return self.rate_hz


class Diurnal(_Pattern):
    """A day: lowest at the start, highest half a period later, a cosine between."""

    kind: Literal["diurnal"]
    lowest_hz: Rate
    highest_hz: Rate
    period_s: Annotated[float, Field(gt=0.0, le=31 * 86400.0)] = 86400.0

    def rates_hz(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return photographs per second at each of the times."""
        swing = (1.0 - np.cos(2.0 * np.pi * at_s / self.period_s)) / 2.0  # 0 to 1
        return np.asarray(self.lowest_hz + (self.highest_hz - self.lowest_hz) * swing)

    @model_validator(mode="after")
    def _ordered(self) -> Diurnal:
        if self.highest_hz < self.lowest_hz:
            raise ValueError(f"highest_hz {self.highest_hz} is below lowest_hz {self.lowest_hz}")
        return self


class FlashCrowd(_Pattern):
    """A steady rate, a steep rise at ``from_s``, a plateau, and as steep a fall."""

    kind: Literal["flash_crowd"]
    usual_hz: Rate
    peak_hz: Rate
    from_s: Seconds
    rise_s: Annotated[float, Field(gt=0.0, le=86400.0)] = 30.0
    hold_s: Seconds

    def rates_hz(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return photographs per second at each of the times."""
        top_s = self.from_s + self.rise_s
        corners_s = [self.from_s, top_s, top_s + self.hold_s, top_s + self.hold_s + self.rise_s]
        return np.asarray(np.interp(at_s, corners_s, [self.usual_hz, self.peak_hz, self.peak_hz, self.usual_hz]))

    @property
    def highest_hz(self) -> float:
        """Bound of the rate."""
        return max(self.usual_hz, self.peak_hz)


class RateSteps(_Pattern):
    """Rates that hold from one time to the next, as a monitoring system records them."""

    kind: Literal["rate_steps"] = "rate_steps"
    steps: tuple[tuple[Seconds, Rate], ...] = Field(min_length=1)

    def rates_hz(self, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return photographs per second at each of the times; 0 before the first step."""
        starts_s, rates_hz = np.array(self.steps, np.float64).T
        index = np.searchsorted(starts_s, at_s, side="right") - 1
        return np.asarray(np.where(index >= 0, rates_hz[np.maximum(index, 0)], 0.0))

    @property
    def highest_hz(self) -> float:
        """Bound of the rate."""
        return max(rate_hz for _, rate_hz in self.steps)

    @model_validator(mode="after")
    def _ordered(self) -> RateSteps:
        if any(later[0] <= earlier[0] for earlier, later in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError("the steps' times must rise")
        return self


Pattern = Annotated[Constant | Diurnal | FlashCrowd | RateSteps, Field(discriminator="kind")]


def poisson_arrivals(pattern: Pattern, duration_s: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the times of a Poisson process, ascending, in [0, ``duration_s``).

    Args:
        pattern: The rate over time.
        duration_s: How long it lasts.
        generator: Where chance comes from.

    Raises:
        ValueError: More than ``MAX_ARRIVALS`` would come.
    """
    highest_hz = pattern.highest_hz
    expected = highest_hz * duration_s
    if expected > MAX_ARRIVALS:
        raise ValueError(f"{expected:.3g} photographs would come, at most {MAX_ARRIVALS} are simulated in one run")
    candidates_s = np.sort(generator.uniform(0.0, duration_s, generator.poisson(expected)))
    kept = generator.uniform(0.0, highest_hz, candidates_s.size) < pattern.rates_hz(candidates_s)
    return np.asarray(candidates_s[kept])
