"""The supervisor's own metrics, served beside Triton's on the health endpoint."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

__all__ = ["Instruments"]


class Instruments:
    """Counters and gauges of one supervisor, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.repairs = Counter(
            "wrinkle_repairs", "Models loaded anew, by model and reason.", ("model", "reason"), registry=self.registry
        )
        self.restarts = Counter(
            "wrinkle_restarts", "Servers started anew, by reason.", ("reason",), registry=self.registry
        )
        self.gateway_restarts = Counter(
            "wrinkle_gateway_restarts", "Envoys in front of the server started anew.", registry=self.registry
        )
        self.canaries = Counter(
            "wrinkle_canaries",
            "Canary photographs, by ensemble and outcome.",
            ("model", "outcome"),
            registry=self.registry,
        )
        self.ready = Gauge("wrinkle_ready", "1 while every step can serve.", registry=self.registry)
        self.resident = Gauge(
            "wrinkle_resident_memory_bytes", "Resident memory of the server and its steps.", registry=self.registry
        )

    def page(self) -> bytes:
        """Return the metrics in Prometheus's text format."""
        return generate_latest(self.registry)
