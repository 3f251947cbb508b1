"""The same photograph prepared by the server and by the client, in turns, through the SDK."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from wrinkle_bench.bench_server import bench_server
from wrinkle_bench.networks.choice import Weights, networks_of
from wrinkle_bench.pairs import Pairs, measure_pairs
from wrinkle_bench.photograph import portrait_jpeg
from wrinkle_client import Client
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ContractError

__all__ = ["PREPARE_FILE", "SIDES_PX", "Preparation", "measure_preparation"]

PREPARE_FILE: Final = "prepare.json"
SIDES_PX: Final = (1024, 2048)


@dataclass(frozen=True, slots=True)
class Preparation:
    """One segmenter, one photograph; server and client share this machine, so no network is between them.

    Attributes:
        segmenter: Its name.
        side_px: Of the photograph.
        photo_bytes: What is sent when the server prepares.
        prepared_bytes: What is sent when the client does.
        seen: Base: the server prepares; other: the client.
    """

    segmenter: str
    side_px: int
    photo_bytes: int
    prepared_bytes: int
    seen: Pairs


def measure_preparation(pairs: int, known: Container[str]) -> Iterator[tuple[str, Preparation]]:
    """Yield each segmenter and size by the case's name, the shipped networks over gRPC.

    Args:
        pairs: Single requests of each kind.
        known: Cases measured before, which are left out.

    Raises:
        ContractError: The masks differ: nothing is timed.
        ServingError: The server did not start, or failed.
    """
    cases = {f"{spec.name}.{side_px}px": (spec, side_px) for spec in SEGMENTERS for side_px in SIDES_PX}
    missing = {case: chosen for case, chosen in cases.items() if case not in known}
    if not missing:
        return
    names = [spec.name for spec in SEGMENTERS]
    networks = {spec.name: network for spec, network in networks_of(names, Weights.SHIPPED).items()}
    with bench_server(networks) as server:
        url = f"grpc://{server.running.host}:{server.running.grpc_port}"
        with Client(url) as by_server, Client(url, prepare="client") as by_client:
            for case, (spec, side_px) in missing.items():
                photo = portrait_jpeg(side_px)

                def ask(client: Client, photo: bytes = photo, name: str = spec.name) -> np.ndarray:  # type: ignore[type-arg]
                    return client.segment(photo, model=name).mask

                if not np.array_equal(ask(by_server), ask(by_client)):
                    raise ContractError(f"{spec.name}: client and server preparation give different masks.")
                seen = measure_pairs(lambda ask=ask: ask(by_server), lambda ask=ask: ask(by_client), pairs=pairs)  # type: ignore[misc]
                prepared_bytes = len(spec.channels) * spec.input_px**2
                yield case, Preparation(spec.name, side_px, len(photo), prepared_bytes, seen)
