"""The tables of docs/scaling.md and its picture, made by running what the page describes.

``python -m wrinkle_scaling.page --write docs/scaling.md`` renews them, ``--check`` exits with 1 when they are stale. A
table, or a sentence with figures, stands between ``<!-- table NAME: … -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from wrinkle_scaling.commands.targets import compare_targets
from wrinkle_scaling.outcome.plot import plot
from wrinkle_scaling.outcome.summary import summarise
from wrinkle_scaling.outcome.table import markdown
from wrinkle_scaling.planning.assumptions import read_assumptions
from wrinkle_scaling.planning.fleet import fleets
from wrinkle_scaling.planning.table import assumption_rows, fleet_rows, markdown_table
from wrinkle_scaling.scenario import Scenario, read_scenario
from wrinkle_scaling.simulation import simulate

__all__ = ["PICTURE", "TABLES", "draw_picture", "page_with_tables", "tables_of"]

PICTURE: Final = Path("images", "scaling-flash-crowd.svg")  # from the page's folder

_HERE: Final = Path(__file__).resolve().parent
_SEED: Final = 1
_RATE_HZ: Final = 10_000.0
_TABLE: Final = re.compile(r"(<!-- table ([a-z-]+):[^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)


def page_with_tables(page: str) -> str:
    """Return the page with its tables made anew."""
    return _TABLE.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}", page)


def tables_of(page: str) -> dict[str, str]:
    """Return the tables that stand in the page, by name."""
    return {found[2]: found[0][len(found[1]) : -len(found[3]) - 1] for found in _TABLE.finditer(page)}


def draw_picture(path: Path) -> None:
    """Draw the flash crowd with the chart's targets, as the first table has it."""
    plot(simulate(_scenario("flash-crowd"), _SEED), path)


def _scenario(name: str) -> Scenario:
    return read_scenario(_HERE / "scenarios" / f"{name}.yaml")


def _targets(name: str) -> str:
    scenario = _scenario(name)
    rows = [
        *compare_targets(scenario, [("queue_time", (0.25, 0.1)), ("busy", (None,))], _SEED),
        *compare_targets(scenario, [("queue_time", (None,)), ("pending", (None,)), ("busy", (0.7,))], _SEED),
        *compare_targets(scenario, [("queue_time", (0.25,)), ("busy", (0.8, 0.7, 0.6))], _SEED),
    ]
    return markdown(rows)


def _balancing() -> str:
    scenario = _scenario("plateau")
    rows = []
    for label, choices, tries in (
        ("by chance: a gateway beside each server", 1, 1),
        ("less busy of three draws, second try elsewhere: gateways before all servers", 3, 2),
    ):
        gateway = scenario.cluster.gateway.model_copy(update={"choices": choices, "tries": tries})
        cluster = scenario.cluster.model_copy(update={"gateway": gateway})
        rows.append((label, summarise(simulate(replace(scenario, cluster=cluster), _SEED))))
    return markdown(rows)


def _cold_starts() -> str:
    scenario = _scenario("gpu-flash-crowd")
    rows = []
    for label, changed in (
        ("nodes and plan there", {"warm_nodes": 16}),
        ("new nodes, plan in the cache", {}),
        ("new nodes, plan built once", {"plan_cached": False}),
    ):
        cold_start = scenario.cluster.cold_start.model_copy(update=changed)
        cluster = scenario.cluster.model_copy(update={"cold_start": cold_start})
        rows.append((label, summarise(simulate(replace(scenario, cluster=cluster), _SEED))))
    return markdown(rows)


def _assumptions() -> str:
    return markdown_table(assumption_rows(read_assumptions(_HERE / "planning" / "ten-thousand.yaml")))


def _fleets() -> str:
    found = fleets(read_assumptions(_HERE / "planning" / "ten-thousand.yaml"), _RATE_HZ)
    traffic = found[0]
    return (
        f"{markdown_table(fleet_rows(found))}\n\n"
        f"In: {traffic.ingress_bits_s / 1e9:.1f} Gbit/s. Out: {traffic.egress_bits_s / 1e9:.1f} Gbit/s. "
        f"The gateways' networks: {traffic.nodes_for_network} nodes. "
        f"A million photographs are {traffic.gigabytes_per_million:.0f} GB."
    )


def _bottleneck() -> str:
    assumptions = read_assumptions(_HERE / "planning" / "ten-thousand.yaml")
    shipped = next(fleet for fleet in fleets(assumptions, _RATE_HZ) if fleet.variant.name.startswith("L4"))
    core_s = assumptions.steps_core_s.value + assumptions.server_core_s.value
    idle = 1.0 - shipped.replica_hz * shipped.variant.network_s.value
    return (
        f"Decoding, landmarks, warping, measuring and serving take {core_s * 1000:.0f} ms of a core per photograph: "
        f"{_RATE_HZ:,.0f} a second keep {core_s * _RATE_HZ:,.0f} cores busy, {shipped.cores:,} with room and spares, "
        f"whatever the GPU. A GPU with {shipped.variant.cores} cores beside it idles {idle:.0%} of the time."
    )


TABLES: Final[dict[str, Callable[[], str]]] = {
    "targets-flash-crowd": lambda: _targets("flash-crowd"),
    "targets-plateau": lambda: _targets("plateau"),
    "targets-day": lambda: _targets("day"),
    "balancing": _balancing,
    "cold-starts": _cold_starts,
    "assumptions": _assumptions,
    "fleets": _fleets,
    "bottleneck": _bottleneck,
}


def _main(
    page: Annotated[Path, typer.Argument(help="docs/scaling.md.")],
    write: Annotated[bool, typer.Option("--write/--check", help="Renew the tables, or only compare them.")] = False,
) -> None:
    """Write or check the tables of docs/scaling.md."""
    before = page.read_text(encoding="utf-8")
    after = page_with_tables(before)
    if write:
        page.write_text(after, encoding="utf-8")
        draw_picture(page.parent / PICTURE)
    elif after != before:
        typer.echo(f"{page.name} is stale, run: python -m wrinkle_scaling.page --write {page}")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(_main)
