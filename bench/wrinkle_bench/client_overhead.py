"""``python -m wrinkle_bench.client_overhead``: what the SDK adds to a bare tritonclient call, over both protocols.

Both ask the same server for the same photograph in turns, so a busy machine disturbs both alike. The bare call takes
mask and report as bytes; the SDK also checks and decodes them. One photograph of 1024 x 1024, the shipped ``unetpp``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import tritonclient.grpc
import tritonclient.http
import typer
from rich.console import Console
from rich.table import Table

from wrinkle_bench.bench_server import BenchServer, bench_server
from wrinkle_bench.machine import this_machine
from wrinkle_bench.networks.choice import Weights, networks_of
from wrinkle_bench.pairs import Pairs
from wrinkle_bench.photograph import SIDE_PX, portrait_jpeg
from wrinkle_client import Client
from wrinkle_core.contract import IMAGE, MASK_PNG, REPORT_JSON, SEGMENTERS

__all__ = ["ClientOverhead", "measure_client_overhead"]

_GOAL: Final = 0.03
_SPEC: Final = SEGMENTERS[0]
_TRITON: Final[dict[str, Any]] = {"http": tritonclient.http, "grpc": tritonclient.grpc}
_console: Final = Console()


@dataclass(frozen=True, slots=True)
class ClientOverhead:
    """The SDK beside a bare call.

    Attributes:
        protocol: ``http`` or ``grpc``.
        seen: Base: the bare call; other: ``Client.segment``.
    """

    protocol: str
    seen: Pairs

    @property
    def share(self) -> float:
        """Return what the SDK adds as a share of the bare call's time; 0.03 is the goal."""
        return self.seen.latency_ratio - 1.0


def measure_client_overhead(
    out: Annotated[Path, typer.Option(help="Folder for client_overhead.json.")] = Path("bench/results"),
    pairs: Annotated[int, typer.Option(min=10, help="Timed calls of each way.")] = 60,
) -> None:
    """Time ``Client.segment`` and a bare tritonclient call in turns."""
    networks = {spec.name: network for spec, network in networks_of([_SPEC.name], Weights.SHIPPED).items()}
    photo = portrait_jpeg(SIDE_PX)
    with bench_server(networks, bare=True) as server:
        found = [_measured(server, protocol, photo, pairs) for protocol in _TRITON]
    table = Table("protocol", "bare p50 ms", "SDK p50 ms", "SDK adds ms", "SDK adds", title=f"Goal {_GOAL:.0%}")
    for each in found:
        base_ms, other_ms = (float(np.median(times)) for times in (each.seen.base_ms, each.seen.other_ms))
        verdict = "met" if each.share <= _GOAL else "missed"
        added = f"{each.seen.added_ms:.2f}"
        table.add_row(each.protocol, f"{base_ms:.2f}", f"{other_ms:.2f}", added, f"{each.share:.2%}, {verdict}")
    _console.print(table)
    out.mkdir(parents=True, exist_ok=True)
    record = {
        "machine": asdict(this_machine()),
        "photo": {"side_px": SIDE_PX, "bytes": len(photo)},
        "protocols": {each.protocol: {"share": each.share, **asdict(each.seen)} for each in found},
    }
    (out / "client_overhead.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _measured(server: BenchServer, protocol: str, photo: bytes, pairs: int) -> ClientOverhead:
    port = {"http": server.running.http_port, "grpc": server.running.grpc_port}[protocol]
    address = f"{server.running.host}:{port}"
    with Client(f"{protocol}://{address}") as client, _TRITON[protocol].InferenceServerClient(address) as bare:
        ways = _bare_call(_TRITON[protocol], bare, photo), lambda: client.segment(photo, model=_SPEC.name)
        # All on this thread: tritonclient's HTTP client belongs to the one that made it.
        times_ms = [_pair_ms(ways, swapped=bool(number % 2)) for number in range(1 + pairs)][1:]  # the first connects
    base_ms, other_ms = zip(*times_ms, strict=True)
    return ClientOverhead(protocol, Pairs(base_ms, other_ms, (), ()))


def _pair_ms(ways: tuple[Callable[[], object], Callable[[], object]], *, swapped: bool) -> tuple[float, float]:
    """Return what both ways take; every other pair begins with the second way, so that going first favours neither."""
    if swapped:
        other_ms = _milliseconds(ways[1])
        return _milliseconds(ways[0]), other_ms
    return _milliseconds(ways[0]), _milliseconds(ways[1])


def _milliseconds(call: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    call()
    return (time.perf_counter() - began_s) * 1e3


def _bare_call(triton: Any, client: Any, photo: bytes) -> Callable[[], object]:
    """Return a call as a program without the SDK would write it."""
    wanted = (MASK_PNG.name, REPORT_JSON.name)

    def call() -> tuple[bytes, ...]:
        image = triton.InferInput(IMAGE.name, [len(photo)], IMAGE.datatype)
        image.set_data_from_numpy(np.frombuffer(photo, np.uint8))
        answer = client.infer(_SPEC.ensemble, [image], outputs=[triton.InferRequestedOutput(name) for name in wanted])
        return tuple(answer.as_numpy(name).tobytes() for name in wanted)

    return call


if __name__ == "__main__":
    typer.run(measure_client_overhead)
