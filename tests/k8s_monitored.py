"""Two servers behind a gateway, under Prometheus and Alertmanager: what a live test is handed."""

from __future__ import annotations

from dataclasses import dataclass

from k8s_alertmanager import Alertmanager
from k8s_prometheus import Prometheus
from k8s_replica import Replica
from k8s_rules import ShippedMonitoring
from wrinkle_server.gateway.process import Gateway

__all__ = ["Clock", "Monitored"]


@dataclass(frozen=True)
class Clock:
    """How much faster than in a cluster durations pass.

    Attributes:
        factor: Every window and every ``for`` of the rules is divided by it.
        interval_s: Between two scrapes of a page.
        evaluation_s: Between two evaluations of the rules.
    """

    factor: int
    interval_s: float
    evaluation_s: float

    def here_s(self, shipped_s: float) -> float:
        """Return what a duration of the rules lasts here."""
        return shipped_s / self.factor


@dataclass(frozen=True)
class Monitored:
    """Everything that runs.

    Attributes:
        replicas: Both servers.
        gateway: Where callers ask.
        prometheus: Scrapes both servers.
        alertmanager: Gets the alerts.
        shipped: What the chart installs.
        clock: How fast the rules go.
        substitutions: What was changed in the rules for that.
    """

    replicas: tuple[Replica, Replica]
    gateway: Gateway
    prometheus: Prometheus
    alertmanager: Alertmanager
    shipped: ShippedMonitoring
    clock: Clock
    substitutions: list[str]

    @property
    def urls(self) -> tuple[str, str]:
        """Both protocols at the gateway."""
        address = f"127.0.0.1:{self.gateway.options.port}"
        return f"http://{address}", f"grpc://{address}"

    @property
    def targets(self) -> dict[str, float]:
        """The autoscaler's targets by the metrics' names."""
        return {metric.metric: metric.target for metric in self.shipped.autoscaler.metrics}

    def scaling_metrics(self, *, at_s: float | None = None) -> dict[str, float]:
        """Return what the autoscaler is told, now or at a Unix time; a metric without a value is left out."""
        return self._values(self.shipped.queries, at_s)

    def scaling_metrics_of_keda(self, *, at_s: float | None = None) -> dict[str, float]:
        """Return what KEDA is told, by the autoscaler's names."""
        return self._values(dict(zip(self.targets, self.shipped.keda_queries, strict=True)), at_s)

    def _values(self, queries: dict[str, str], at_s: float | None) -> dict[str, float]:
        asked = {name: self.prometheus.value(query, at_s=at_s) for name, query in queries.items()}
        return {name: value for name, value in asked.items() if value is not None}
