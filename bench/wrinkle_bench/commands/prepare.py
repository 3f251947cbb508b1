"""``wrinkle bench prepare``."""

from __future__ import annotations

from typing import Annotated

import typer

from wrinkle_bench.commands.options import Fresh, Out, teller
from wrinkle_bench.preparation.run import PREPARE_FILE, Preparation, measure_preparation
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS

__all__ = ["prepare"]


def prepare(
    pairs: Annotated[int, typer.Option(min=1, help="Single requests of each kind.")] = 20,
    out: Out = RESULTS,
    fresh: Fresh = False,
) -> None:
    """Compare preparation on the server with preparation in the client, on this machine; masks are compared first."""
    tell = teller()
    notebook: Notebook[Preparation] = Notebook(out / PREPARE_FILE, Preparation, {"pairs": str(pairs)}, fresh=fresh)
    for case, found in measure_preparation(pairs, notebook.record.cases):
        notebook.add(case, found)
        tell(
            f"{case}: client preparation takes {found.seen.latency_ratio:.2f} of the latency and gives "
            f"{found.seen.throughput_ratio:.2f} of the throughput; sends {found.prepared_bytes} bytes for "
            f"{found.photo_bytes}"
        )
