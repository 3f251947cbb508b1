"""What Prometheus knows about the replicas, and when: scraped counters, and rules computed from them now and then.

| metric | unit | meaning |
|---|---|---|
| ``queue_time`` | s | time in the queues of the steps per request that a step finished, over the window |
| ``pending`` | requests | requests that wait in the steps' queues, all replicas together, at the last scrape |
| ``answered`` | 1/s | photographs answered, all replicas together, over the window |
| ``busy`` | instances | instances of the network at work, all replicas together, mean over the window |

They are what the chart's rules compute from Triton's counters of the composing models, with Prometheus's ``rate()``; an
ensemble has no queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.autoscaler.proposals import PodValues
from wrinkle_scaling.cluster.pod import Pod, PodState
from wrinkle_scaling.cluster.rate import rate_hz
from wrinkle_scaling.replica.replica import Counters

__all__ = ["METRICS", "POD_METRICS", "Prometheus", "require_metrics"]

METRICS: Final = ("queue_time", "pending", "answered", "busy")
POD_METRICS: Final = ("pending", "answered", "busy")

_COUNTERS: Final = ("queue_s", "finished", "answered", "network_s")
_RATES: Final = {"answered": "answered", "busy": "network_s"}

_Sample = tuple[float, Counters]


def require_metrics(names: Iterable[str]) -> None:
    """Check names.

    Raises:
        InvalidParameterError: One of them is no metric.
    """
    unknown = sorted(set(names) - set(METRICS))
    if unknown:
        raise InvalidParameterError(f"No metric is called {unknown[0]!r}; choose from {', '.join(METRICS)}.")


class Prometheus:
    """Scraped counters of every pod.

    Attributes:
        values: The service's metrics as of the last evaluation; one without data is left out.
        pods: The pods' own metrics as of the last evaluation.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._now_s = 0.0
        self._samples: dict[Pod, deque[_Sample]] = {}
        self.values: dict[str, float] = {}
        self.pods: dict[str, PodValues] = {}

    def scrape(self, now_s: float, pods: Iterable[Pod]) -> None:
        """Read the counters of every pod that answers."""
        for pod in pods:
            if pod.state in (PodState.READY, PodState.LEAVING):
                self._samples.setdefault(pod, deque()).append((now_s, pod.replica.counters()))

    def evaluate(self, now_s: float, pods: Iterable[Pod]) -> None:
        """Compute every metric from what was scraped within the window."""
        self._now_s = now_s
        for pod, samples in list(self._samples.items()):
            while samples and samples[0][0] < now_s - self._window_s:
                samples.popleft()
            if not samples:
                del self._samples[pod]
        counted = [pod for pod in pods if pod.counts]
        ready = [pod for pod in counted if pod.state is PodState.READY]
        unready = len(counted) - len(ready)
        self.pods = {
            name: PodValues(found, unready, len(ready) - len(found))
            for name in POD_METRICS
            for found in [self._of_pods(name, ready)]
        }
        self.values = self._of_service()

    def _of_service(self) -> dict[str, float]:
        if not self._samples:
            return {}
        current = [pod for pod in self._samples if pod.state is not PodState.ENDED]
        found = {"pending": float(sum(self._samples[pod][-1][1].pending for pod in current))}
        rates = [rates for samples in self._samples.values() if (rates := self._rates(samples))]
        if rates:  # a rule without any rate gives nothing, not 0
            total = {name: sum(each[name] for each in rates) for name in _COUNTERS}
            found["queue_time"] = total["queue_s"] / total["finished"] if total["finished"] else 0.0
            found |= {name: total[counter] for name, counter in _RATES.items()}
        return found

    def _of_pods(self, name: str, ready: list[Pod]) -> dict[str, float]:
        found = {}
        for pod in ready:
            samples = self._samples.get(pod)
            if not samples:
                continue
            if name == "pending":
                found[str(pod.number)] = float(samples[-1][1].pending)
            elif rates := self._rates(samples):
                found[str(pod.number)] = rates[_RATES[name]]
        return found

    def _rates(self, samples: Sequence[_Sample]) -> dict[str, float]:
        """Return every counter's rate; nothing where there are too few samples."""
        rates = {
            name: rate_hz([(at_s, getattr(counters, name)) for at_s, counters in samples], self._now_s, self._window_s)
            for name in _COUNTERS
        }
        return {name: rate for name, rate in rates.items() if rate is not None}
