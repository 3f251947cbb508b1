"""Two real servers, the gateway in front, Prometheus with the chart's rules behind, Alertmanager."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from k8s_alertmanager import Alertmanager
from k8s_monitored import Clock, Monitored
from k8s_prometheus import Prometheus
from k8s_replica import Replica
from k8s_rules import faster, shipped_monitoring
from supervised_server import wait_until
from wrinkle_core.assets import fetch_assets
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.gateway.options import GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.ports import free_ports

LONG_QUEUE = 64
UNLIMITED = GatewayLimits(requests_per_minute=100_000, burst=100_000)


FAST = Clock(factor=10, interval_s=0.5, evaluation_s=0.5)


@pytest.fixture(scope="module")
def replicas(
    dark_line_served: dict[str, ServedNetwork], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Replica, Replica]]:
    """Serve ``unetpp`` twice, with a queue long enough that a load waits instead of being refused."""
    fetch_assets()
    folder = tmp_path_factory.mktemp("replicas")
    deployment = Deployment(
        "openvino", preprocess_instances=1, threshold_instances=1, max_waiting=LONG_QUEUE, max_queue_size=LONG_QUEUE
    )
    repository = assemble_repository(folder / "repository", {"unetpp": dark_line_served["unetpp"]}, deployment)
    with contextlib.ExitStack() as stack:
        started = []
        for number in range(2):
            replica = Replica(f"wrinkle-{number}", repository, folder / f"serve-{number}.log")
            started.append(replica)
            stack.callback(replica.wait_stopped)
        for replica in started:
            stack.callback(replica.ask_to_stop)
        for replica in started:
            replica.wait_ready()
        yield started[0], started[1]


@pytest.fixture(scope="module", params=["fast", pytest.param("shipped", marks=pytest.mark.slow)])
def monitored(
    request: pytest.FixtureRequest, replicas: tuple[Replica, Replica], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitored]:
    """Monitor them, on a clock ten times as fast and, slow, with nothing changed."""
    shipped = shipped_monitoring()
    clock = FAST if request.param == "fast" else Clock(1, shipped.scrape_interval_s, shipped.evaluation_s)
    groups, substitutions = faster(shipped.groups, clock.factor, clock.evaluation_s)
    folder = tmp_path_factory.mktemp("monitoring")
    options = GatewayOptions(
        tuple(replica.backend for replica in replicas),
        port=free_ports(1)[0],
        limits=UNLIMITED,
        access_log=folder / "access.log",
    )
    targets = [target for replica in replicas for target in replica.targets(shipped.ports)]
    alertmanager = Alertmanager(folder / "alertmanager")
    with alertmanager, Gateway(options, log_path=folder / "envoy.log") as gateway:
        prometheus = Prometheus(
            folder / "prometheus",
            targets,
            groups,
            alertmanager_port=alertmanager.port,
            interval_s=clock.interval_s,
        )
        with prometheus:
            wait_until(lambda: gateway.healthy_backends == len(replicas), 20)
            wait_until(lambda: prometheus.targets_up() == len(targets), 3 * clock.interval_s + 10)
            yield Monitored(replicas, gateway, prometheus, alertmanager, shipped, clock, substitutions)
