"""``wrinkle bench peers``."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from wrinkle_bench.ceiling.run import known_best_way
from wrinkle_bench.commands.options import Fresh, Models, Out, chosen_models, teller
from wrinkle_bench.networks.choice import Weights, bench_network
from wrinkle_bench.peers.comparison import OURS, PEERS_FILE, Comparison
from wrinkle_bench.peers.contenders import CONTENDERS, contenders
from wrinkle_bench.peers.run import Turns, compare
from wrinkle_bench.records import Notebook
from wrinkle_bench.storage import RESULTS
from wrinkle_core.contract import SEGMENTERS, segmenter

__all__ = ["peers"]

_DEFAULTS: Final = Turns()
_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)
_OTHERS: Final = ",".join(name for name in CONTENDERS if name != OURS)


def peers(
    models: Models = _ALL,
    weights: Annotated[Weights, typer.Option(help="The papers' networks at full size, or the shipped ones.")] = (
        Weights.FULL_SIZE
    ),
    beside: Annotated[str, typer.Option(help="Systems to compare with, separated by commas.")] = _OTHERS,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of every system.")] = _DEFAULTS.rounds,
    requests: Annotated[int, typer.Option(min=1, help="Answers of one system in one turn.")] = _DEFAULTS.requests,
    out: Out = RESULTS,
    fresh: Fresh = False,
) -> None:
    """Measure what else a user might choose, on the same networks, turn about, answers checked first."""
    tell = teller()
    settings = {"weights": weights.value, "rounds": str(rounds), "requests": str(requests)}
    notebook: Notebook[Comparison] = Notebook(out / PEERS_FILE, Comparison, settings, fresh=fresh)
    names = [name.strip() for name in beside.split(",")]
    for name in chosen_models(models):
        if name in notebook and set(names) <= notebook.record.cases[name].peers.keys():
            tell(f"{name} is in {out / PEERS_FILE} already; --fresh measures everything anew.")
        else:
            spec = segmenter(name)
            network = bench_network(name, weights)
            found = compare(
                spec,
                network,
                contenders(names, spec, network),
                known_best_way(out, name),
                Turns(rounds, requests),
                tell=tell,
            )
            notebook.add(name, found)
            for peer in names:
                tell(f"{name}: {found.times_faster(peer):.1f} times the throughput of {peer}")
            tell(f"{name}: {found.of_ceiling:.3f} of the bare network; written to {out / PEERS_FILE}.")
