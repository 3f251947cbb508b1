"""``wrinkle bench ceiling``."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from wrinkle_bench.ceiling.run import CEILING_FILE, AgainstCeiling, Effort, measure_against_ceiling
from wrinkle_bench.commands.options import Fresh, Models, Out, chosen_models, teller
from wrinkle_bench.networks.choice import Weights, bench_network
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS
from wrinkle_core.contract import SEGMENTERS, segmenter

__all__ = ["ceiling"]

_DEFAULTS: Final = Effort()
_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)


def ceiling(
    models: Models = _ALL,
    weights: Annotated[Weights, typer.Option(help="The papers' networks at full size, or the shipped ones.")] = (
        Weights.FULL_SIZE
    ),
    pairs: Annotated[int, typer.Option(min=1, help="Single requests, each beside one bare inference.")] = (
        _DEFAULTS.pairs
    ),
    rounds: Annotated[int, typer.Option(min=1, help="Turns at each concurrency.")] = _DEFAULTS.rounds,
    waves: Annotated[int, typer.Option(min=1, help="Answers of a turn, times the concurrency.")] = _DEFAULTS.waves,
    out: Out = RESULTS,
    fresh: Fresh = False,
) -> None:
    """Measure each ensemble beside its bare network with no server."""
    tell = teller()
    effort = Effort(pairs=pairs, rounds=rounds, waves=waves)
    settings = {"weights": weights.value, "pairs": str(pairs), "rounds": str(rounds), "waves": str(waves)}
    notebook: Notebook[AgainstCeiling] = Notebook(out / CEILING_FILE, AgainstCeiling, settings, fresh=fresh)
    for name in chosen_models(models):
        if name in notebook:
            tell(f"{name} is in {out / CEILING_FILE} already; --fresh measures everything anew.")
        else:
            spec = segmenter(name)
            notebook.add(name, measure_against_ceiling(spec, bench_network(name, weights), effort, tell=tell))
            tell(f"{name} is written to {out / CEILING_FILE}.")
