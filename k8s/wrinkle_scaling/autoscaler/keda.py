"""What KEDA does itself: wake a service from 0 replicas, and let it sleep again.

From 1 replica on KEDA leaves the number to the Horizontal Pod Autoscaler that it makes, with external metrics.

Source: KEDA documentation, "Scaling Deployments": activation and scaling phase, ``cooldownPeriod``.
"""

from __future__ import annotations

from collections.abc import Mapping

from wrinkle_scaling.autoscaler.spec import AutoscalerSpec, KedaSpec

__all__ = ["KedaActivation"]


class KedaActivation:
    """Decides between asleep and awake."""

    def __init__(self, spec: AutoscalerSpec, keda: KedaSpec) -> None:
        self._spec = spec
        self._keda = keda
        self._active_s: float | None = None

    def poll(self, now_s: float, replicas: int, values: Mapping[str, float]) -> int:
        """Return how many replicas there shall be; ``replicas`` unless it is time to wake up or to sleep.

        Args:
            now_s: Not before the last call's.
            replicas: Replicas there are.
            values: The metrics by name. One that cannot be had is left out: it wakes nobody, and nobody goes to sleep.
        """
        thresholds = self._keda.activation_thresholds
        active = any(
            each.metric in values and values[each.metric] > thresholds.get(each.metric, 0.0)
            for each in self._spec.metrics
        )
        if active or self._active_s is None:  # the cooldown begins with the first look
            self._active_s = now_s
        if active and replicas == 0:
            return self._spec.lowest_running
        known = all(each.metric in values for each in self._spec.metrics)
        cold = now_s - self._active_s >= self._keda.cooldown_s
        if known and cold and not active and self._spec.min_replicas == 0:
            return 0
        return replicas
