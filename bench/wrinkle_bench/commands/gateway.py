"""``wrinkle bench gateway``."""

from __future__ import annotations

from typing import Annotated

import typer

from wrinkle_bench.commands.options import Fresh, Out, teller
from wrinkle_bench.gateway_cost.run import GATEWAY_FILE, ThroughGateway, measure_gateway
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS

__all__ = ["gateway"]


def gateway(
    pairs: Annotated[int, typer.Option(min=1, help="Single requests of each kind.")] = 30,
    out: Out = RESULTS,
    fresh: Fresh = False,
) -> None:
    """Compare requests through the gateway, with a token, with requests straight to the server."""
    tell = teller()
    notebook: Notebook[ThroughGateway] = Notebook(
        out / GATEWAY_FILE, ThroughGateway, {"pairs": str(pairs)}, fresh=fresh
    )
    for case, found in measure_gateway(pairs, notebook.record.cases):
        notebook.add(case, found)
        tell(
            f"{case}: {found.seen.added_ms:+.2f} ms, {found.seen.latency_ratio:.3f} of the latency, "
            f"{found.seen.throughput_ratio:.3f} of the throughput"
        )
