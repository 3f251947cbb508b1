"""From what the metrics ask for to what is done: stabilisation first, then the policies, then the bounds.

Source: Kubernetes documentation, Horizontal Pod Autoscaling, "Configurable scaling behavior".
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, ScalingPolicy, ScalingRules

__all__ = ["Behavior"]


@dataclass(frozen=True, slots=True)
class _Change:
    at_s: float
    replicas: int  # how many more, or fewer


class Behavior:
    """Remembers recommendations and changes, and lets through what ``behavior`` allows."""

    def __init__(self, spec: AutoscalerSpec) -> None:
        self._spec = spec
        self._recommended: deque[tuple[float, int]] = deque()
        self._added: deque[_Change] = deque()
        self._removed: deque[_Change] = deque()
        self._started = False

    def begin(self, now_s: float, replicas: int) -> None:
        """Take what is found at the first look for a recommendation, as a controller that starts does."""
        if not self._started:
            self._recommended.append((now_s, replicas))
            self._started = True

    def allowed(self, now_s: float, replicas: int, recommended: int) -> int:
        """Return the number of replicas to go to, and remember the recommendation.

        Args:
            now_s: Not before the last call's.
            replicas: Replicas there are, at least 1.
            recommended: What the metrics ask for.
        """
        wanted = self._stabilised(now_s, replicas, recommended)
        self._recommended.append((now_s, recommended))
        return self._limited(now_s, replicas, wanted)

    def changed(self, now_s: float, before: int, after: int) -> None:
        """Remember a change; the policies count it, whatever its reason."""
        if after > before:
            self._added.append(_Change(now_s, after - before))
        elif after < before:
            self._removed.append(_Change(now_s, before - after))
        self._forget(now_s)

    def _stabilised(self, now_s: float, replicas: int, recommended: int) -> int:
        """Go up to the least that was asked for of late, and down to the most."""
        up_since_s = now_s - self._spec.scale_up.stabilization_window_s
        down_since_s = now_s - self._spec.scale_down.stabilization_window_s
        lowest = min([recommended, *(count for at_s, count in self._recommended if at_s > up_since_s)])
        highest = max([recommended, *(count for at_s, count in self._recommended if at_s > down_since_s)])
        return min(max(replicas, lowest), highest)

    def _limited(self, now_s: float, replicas: int, wanted: int) -> int:
        if wanted > replicas:
            most = max(replicas, self._reach(now_s, replicas, self._spec.scale_up, up=True))
            return min(wanted, most, self._spec.max_replicas)
        if wanted < replicas:
            least = min(replicas, self._reach(now_s, replicas, self._spec.scale_down, up=False))
            return max(wanted, least, self._spec.lowest_running)
        return min(max(replicas, self._spec.lowest_running), self._spec.max_replicas)

    def _reach(self, now_s: float, replicas: int, rules: ScalingRules, *, up: bool) -> int:
        """Return how far the policies of one direction let the number go."""
        if rules.select_policy == "Disabled":
            return replicas
        reaches = [self._reach_of(now_s, replicas, policy, up=up) for policy in rules.policies]
        return max(reaches) if up == (rules.select_policy == "Max") else min(reaches)

    def _reach_of(self, now_s: float, replicas: int, policy: ScalingPolicy, *, up: bool) -> int:
        since_s = now_s - policy.period_s
        added = sum(change.replicas for change in self._added if change.at_s > since_s)
        removed = sum(change.replicas for change in self._removed if change.at_s > since_s)
        at_start = replicas - added + removed
        if policy.type == "Pods":
            return at_start + (policy.value if up else -policy.value)
        share = policy.value / 100  # in floating point, as the controller: 50 and 10 % make 55.00000000000001, so 56
        return math.ceil(at_start * (1 + share)) if up else int(at_start * (1 - share))

    def _forget(self, now_s: float) -> None:
        rules = (self._spec.scale_up, self._spec.scale_down)
        windows_s = max(rule.stabilization_window_s for rule in rules)
        while self._recommended and self._recommended[0][0] <= now_s - windows_s:
            self._recommended.popleft()
        periods_s = max(policy.period_s for rule in rules for policy in rule.policies)
        for changes in (self._added, self._removed):
            while changes and changes[0].at_s <= now_s - periods_s:
                changes.popleft()
