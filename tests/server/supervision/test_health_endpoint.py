"""Liveness follows the heartbeat alone, readiness the server, and both are plain HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from wrinkle_core.errors import ServerStartError
from wrinkle_server.supervision.health import HEARTBEAT_LIMIT_S, Health
from wrinkle_server.supervision.health_endpoint import HealthEndpoint
from wrinkle_server.triton.ports import free_ports, port_is_free

HOST = "127.0.0.1"


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def port(health: Health) -> Iterator[int]:
    (port,) = free_ports(1)
    with HealthEndpoint(health, HOST, port):
        yield port


def get(port: int, path: str, method: str = "GET") -> tuple[int, Any]:
    with closing(http.client.HTTPConnection(HOST, port, timeout=5)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    return answer.status, json.loads(body) if answer.status in (200, 503) and path != "/metrics" else body


def test_not_ready_until_told_and_again_with_reasons(health: Health, port: int) -> None:
    assert get(port, "/readyz") == (503, {"ready": False, "reasons": ["starting"]})
    health.set_ready()
    assert get(port, "/readyz") == (200, {"ready": True, "reasons": []})
    health.set_not_ready("unetpp: dead")
    assert get(port, "/readyz") == (503, {"ready": False, "reasons": ["unetpp: dead"]})


def test_liveness_is_the_heartbeat_whatever_the_readiness(
    health: Health, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get(port, "/livez")[0] == 200
    later_s = time.monotonic() + HEARTBEAT_LIMIT_S + 1
    monkeypatch.setattr("wrinkle_server.supervision.health.time.monotonic", lambda: later_s)
    assert get(port, "/livez")[0] == 503
    health.beat()
    assert get(port, "/livez")[0] == 200


def test_metrics_tell_readiness_and_repairs(health: Health, port: int) -> None:
    health.set_ready()
    health.instruments.repairs.labels("unetpp", "dead").inc()
    page = get(port, "/metrics")[1].decode()
    assert "wrinkle_ready 1.0" in page
    assert 'wrinkle_repairs_total{model="unetpp",reason="dead"} 1.0' in page


def test_nothing_else_is_served(port: int) -> None:
    assert get(port, "/")[0] == http.client.NOT_FOUND
    assert get(port, "/readyz", "POST")[0] == http.client.METHOD_NOT_ALLOWED


def test_taken_port_is_told_with_the_option_that_sets_it(port: int) -> None:
    with pytest.raises(ServerStartError, match="--health-port"), HealthEndpoint(Health(), HOST, port):
        raise AssertionError("listened twice")


def test_port_is_free_afterwards(health: Health) -> None:
    (port,) = free_ports(1)
    with HealthEndpoint(health, HOST, port):
        assert not port_is_free(HOST, port)
    assert port_is_free(HOST, port)
