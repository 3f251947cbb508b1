"""The ensemble through the gateway beside the ensemble itself, in turns, through the SDK."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from wrinkle_bench.bench_server import BenchServer, bench_server
from wrinkle_bench.networks.choice import Weights, networks_of
from wrinkle_bench.pairs import Pairs, measure_pairs
from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_client import Client
from wrinkle_core.contract import SEGMENTERS
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.gateway.tokens import append_line, new_token
from wrinkle_server.triton.ports import free_ports

__all__ = ["GATEWAY_FILE", "ThroughGateway", "measure_gateway"]

GATEWAY_FILE: Final = "gateway.json"
_HOST: Final = "127.0.0.1"
_NO_LIMIT: Final = 1_000_000  # a minute, so that the rate of one client never holds it back
_PROTOCOLS: Final = ("http", "grpc")
_SIDES_PX: Final = (1024, 2048)


@dataclass(frozen=True, slots=True)
class ThroughGateway:
    """One protocol and size.

    Attributes:
        protocol: ``http`` or ``grpc``.
        side_px: Of the photograph.
        photo_bytes: Of its file.
        seen: Base: straight to the server; other: through the gateway, with a token.
    """

    protocol: str
    side_px: int
    photo_bytes: int
    seen: Pairs


def measure_gateway(pairs: int, known: Container[str]) -> Iterator[tuple[str, ThroughGateway]]:
    """Yield each protocol and size by the case's name, with the shipped ``unetpp``.

    Args:
        pairs: Single requests of each kind.
        known: Cases measured before, which are left out.

    Raises:
        ServingError: Server or gateway did not start, or failed.
    """
    cases = [(protocol, side_px) for protocol in _PROTOCOLS for side_px in _SIDES_PX]
    missing = [case for case in cases if _name(*case) not in known]
    if not missing:
        return
    model = SEGMENTERS[0].name
    networks = {spec.name: network for spec, network in networks_of([model], Weights.SHIPPED).items()}
    with bench_server(networks, bare=True) as server, _gateway(server) as (port, token):
        running = server.running
        direct_ports = {"http": running.http_port, "grpc": running.grpc_port}
        for protocol, side_px in missing:
            photo = portrait_jpeg(side_px)
            with (
                Client(f"{protocol}://{_HOST}:{direct_ports[protocol]}") as direct,
                Client(f"{protocol}://{_HOST}:{port}", token=token) as through,
            ):
                seen = measure_pairs(
                    partial(direct.segment, photo, model=model),
                    partial(through.segment, photo, model=model),
                    pairs=pairs,
                )
            yield _name(protocol, side_px), ThroughGateway(protocol, side_px, len(photo), seen)


def _name(protocol: str, side_px: int) -> str:
    return f"{protocol}.{side_px}px"


@contextmanager
def _gateway(server: BenchServer) -> Iterator[tuple[int, str]]:
    """Run a gateway with tokens before a server; yield its port and a token."""
    (port,) = free_ports(1)
    running, drawn = server.running, new_token("bench")
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        tokens = Path(folder, "tokens")
        append_line(tokens, drawn.line)
        options = GatewayOptions(
            (Backend(running.host, running.http_port, running.grpc_port, running.health_port),),
            host=_HOST,
            port=port,
            token_file=tokens,
            limits=GatewayLimits(requests_per_minute=_NO_LIMIT, burst=_NO_LIMIT),
            access_log=Path(folder, "access.jsonl"),
        )
        with Gateway(options, log_path=Path(folder, "envoy.log")):
            with Client(f"http://{_HOST}:{port}", token=drawn.token) as client:
                client.wait_ready(models=(SEGMENTERS[0].name,))
            yield port, drawn.token
