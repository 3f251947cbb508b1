"""What was found about one network and the processor under it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

from wrinkle_bench.processor_limits.kernels import Arithmetic

__all__ = ["INT8", "LIMITS_FILE", "TORCH", "Peak", "Reached", "SegmenterLimits"]

LIMITS_FILE: Final = "limits.json"
INT8: Final = "int8"
TORCH: Final = "torch"


@dataclass(frozen=True, slots=True)
class Peak:
    """One kernel's operations per second in 10^12, one figure a round."""

    arithmetic: Arithmetic
    kernel: str
    tops: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """The network run one way, with no server.

    Attributes:
        title: How.
        arithmetic: In which precision most of it is computed.
        throughput_hz: Inferences per second, one figure a round.
    """

    title: str
    arithmetic: Arithmetic
    throughput_hz: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SegmenterLimits:
    """One segmenter's network beside the processor's peak, all taken turn about.

    Attributes:
        network: Which weights.
        gflop: Operations of one inference.
        shallow_share: Share of them, in [0, 1], that keep FP32 in every form.
        served: As it is served.
        others: ``int8``, and ``torch``: eager, in FP32.
        peaks: The processor's, by kernel and precision.
    """

    network: str
    gflop: float
    shallow_share: float
    served: Reached
    others: dict[str, Reached]
    peaks: tuple[Peak, ...]

    def peak_tops(self, arithmetic: Arithmetic) -> float:
        """Return the most operations per second that any kernel reached in a round, in 10^12."""
        return max(max(peak.tops) for peak in self.peaks if peak.arithmetic == arithmetic)

    def tops(self, reached: Reached) -> float:
        """Return the operations per second of one way to run the network, in 10^12."""
        return median(reached.throughput_hz) * self.gflop / 1e3

    def of_peak(self, reached: Reached) -> float:
        """Return them as a share of what the processor can do in that precision."""
        return self.tops(reached) / self.peak_tops(reached.arithmetic)

    def most_over_served(self, arithmetic: Arithmetic) -> float:
        """Return how much faster than the served form another would be, were both to run at the processor's peak."""
        return self._least_s(self.served.arithmetic) / self._least_s(arithmetic)

    def _least_s(self, arithmetic: Arithmetic) -> float:
        """Return the seconds that 10^12 operations take at the peak, the shallow layers' share of them in FP32."""
        return self.shallow_share / self.peak_tops("f32") + (1.0 - self.shallow_share) / self.peak_tops(arithmetic)

    def served_over(self, other: str) -> float:
        """Return the median over the rounds of the served form's throughput over another's."""
        return _ratio(self.served, self.others[other])

    def over_served(self, other: str) -> float:
        """Return the median over the rounds of another form's throughput over the served one's."""
        return _ratio(self.others[other], self.served)


def _ratio(one: Reached, other: Reached) -> float:
    pairs = zip(one.throughput_hz, other.throughput_hz, strict=True)
    return median(first / second for first, second in pairs)
