"""The handler's own metrics, on TorchServe's metrics page beside TorchServe's.

Labels are bounded: the model, and codes and names that this package defines. ``server/metrics.yaml`` declares the same
metrics to TorchServe's front end, which drops what it does not know.

Source: TorchServe docs/metrics.md, "Custom Metrics API"; a worker tells its metrics on standard output.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

__all__ = ["HandlerMetrics", "MetricsCache"]

_MODEL: Final = "ModelName"
_FACES: Final = "wrinkle_faces_found_total"
_FAILURES: Final = "wrinkle_failed_requests_total"
_WARNINGS: Final = "wrinkle_capture_warnings_total"
_BATCHES: Final = "wrinkle_batches_total"
_STAGES: Final = "wrinkle_stage_seconds"


class MetricsCache(Protocol):
    """What TorchServe's ``context.metrics`` offers."""

    def cache_keys(self) -> list[str]:
        """Return the metrics that the configuration declares, each as kind and name."""

    def get_metric(self, metric_name: str, metric_type: Any) -> Any:
        """Return a declared metric."""

    def add_metric_to_cache(self, metric_name: str, unit: str, dimension_names: list[str], metric_type: Any) -> Any:
        """Make a metric and return it."""


class HandlerMetrics:
    """What one worker counts and times."""

    def __init__(self, cache: MetricsCache, model: str) -> None:
        """Register the metrics.

        ``ts`` exists only where TorchServe is, so it is imported here.
        """
        from ts.metrics.metric_type_enum import MetricTypes

        declared = cache.cache_keys()

        def metric(name: str, kind: str, unit: str, *labels: str) -> Any:
            if f"{kind}:{name}" in declared:
                return cache.get_metric(name, MetricTypes(kind))
            return cache.add_metric_to_cache(name, unit, [_MODEL, *labels], MetricTypes(kind))

        self._model = model
        self._faces = metric(_FACES, "counter", "Count")
        self._failures = metric(_FAILURES, "counter", "Count", "Code")
        self._warnings = metric(_WARNINGS, "counter", "Count", "Warning")
        self._batches = metric(_BATCHES, "counter", "Count", "Size")
        self._stages = metric(_STAGES, "histogram", "Seconds", "Stage")

    def face_found(self) -> None:
        """Count a photograph in which a face was found."""
        self._faces.add_or_update(1, [self._model])

    def failed(self, code: str) -> None:
        """Count a request that was answered with an error."""
        self._failures.add_or_update(1, [self._model, code])

    def warned(self, code: str) -> None:
        """Count a warning about how a photograph was taken."""
        self._warnings.add_or_update(1, [self._model, code])

    def batch_came(self, size: int) -> None:
        """Count a batch of ``size`` requests to segment, as TorchServe handed it over."""
        self._batches.add_or_update(1, [self._model, str(size)])

    def stage_took(self, stage: str, seconds: float) -> None:
        """Time a stage: ``preprocess`` and ``postprocess`` of one photograph, ``network`` of one batch."""
        self._stages.add_or_update(round(seconds, 6), [self._model, stage])
