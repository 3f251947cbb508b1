"""The ports that the settings name, the servers that run here, and what dead ones left."""

from __future__ import annotations

from collections.abc import Iterator

from wrinkle_core.errors import WrinkleError
from wrinkle_server.doctor.finding import Finding, judge
from wrinkle_server.running import running_servers
from wrinkle_server.settings.resolve import require_closed_inference
from wrinkle_server.settings.serve_settings import ServeSettings
from wrinkle_server.triton.leftovers import leftovers
from wrinkle_server.triton.options import is_loopback
from wrinkle_server.triton.ports import port_is_free

__all__ = ["findings"]


def findings(settings: ServeSettings) -> Iterator[Finding]:
    """Yield one finding each."""
    yield _inference(settings)
    yield _running()
    yield _ports(settings)
    yield _leftovers()


def _inference(settings: ServeSettings) -> Finding:
    try:
        require_closed_inference(settings)
    except WrinkleError as error:
        return Finding("inference", "failure", settings.host, str(error))
    remedy = "Let nobody but a gateway reach it: one small request ends it."
    return judge("inference", is_loopback(settings.host), f"Triton listens on {settings.host}", remedy, "warning")


def _running() -> Finding:
    told = [f"HTTP port {one.http_port} since {one.started_at}" for one in running_servers()]
    return Finding("running servers", "ok", "; ".join(told) or "none of this user")


def _ports(settings: ServeSettings) -> Finding:
    names = ("http_port", "grpc_port", "metrics_port", "health_port")
    places = [(settings.host, getattr(settings, name)) for name in names]
    if settings.gateway.enabled:
        places.append((settings.gateway.host, settings.gateway.port))
    taken = [str(port) for host, port in places if not port_is_free(host, port)]
    found = f"{', '.join(taken)} taken" if taken else f"{', '.join(str(port) for _, port in places)} free"
    remedy = (
        "Perhaps a server runs already; else choose others: --http-port, --grpc-port, --metrics-port, --health-port."
    )
    return judge("ports", not taken, found, remedy, "warning")


def _leftovers() -> Finding:
    count = len(leftovers())
    remedy = "The next `wrinkle serve` removes them."
    return judge("leftovers", not count, f"{count or 'no'} files of servers that were killed", remedy, "warning")
