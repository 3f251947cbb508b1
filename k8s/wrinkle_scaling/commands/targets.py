"""``wrinkle simulate-autoscaling targets``: one scenario under several targets of the autoscaler."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.autoscaler.spec import MetricTarget
from wrinkle_scaling.cluster.metrics import require_metrics
from wrinkle_scaling.outcome.summary import Summary, summarise
from wrinkle_scaling.outcome.table import rich_table
from wrinkle_scaling.scenario import Scenario, read_scenario
from wrinkle_scaling.simulation import simulate

__all__ = ["compare_targets", "targets"]

Choice = tuple[str, tuple[float | None, ...]]


def targets(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="YAML file with an autoscaler.")],
    choice: Annotated[
        list[str],
        typer.Option("--target", help="METRIC=VALUE,VALUE,…; none leaves the metric out. Every combination is run."),
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of all chance.")] = 0,
) -> None:
    """Simulate one scenario under every combination of targets: how thresholds are chosen."""
    read = read_scenario(scenario)
    rows = compare_targets(read, [_choice(each) for each in choice], seed)
    Console().print(rich_table(f"{read.title}, seed {seed}", rows))


def compare_targets(scenario: Scenario, choices: list[Choice], seed: int) -> list[tuple[str, Summary]]:
    """Return a row per combination of targets.

    Args:
        scenario: With an autoscaler, whose metrics' forms are kept.
        choices: Metrics and the targets to try; None leaves a metric out.
        seed: Of all chance.

    Raises:
        InvalidParameterError: The scenario has no autoscaler, or not the metric.
    """
    if scenario.autoscaler is None:
        raise InvalidParameterError(f"{scenario.title} has no autoscaler whose targets could be changed.")
    require_metrics(name for name, _ in choices)
    rows = []
    for values in itertools.product(*(values for _, values in choices)):
        wanted = dict(zip((name for name, _ in choices), values, strict=True))
        metrics = _with_targets(scenario.autoscaler.metrics, wanted)
        autoscaler = scenario.autoscaler.model_copy(update={"metrics": metrics})
        name = ", ".join(f"{metric} {'none' if value is None else f'{value:g}'}" for metric, value in wanted.items())
        rows.append((name, summarise(simulate(replace(scenario, autoscaler=autoscaler), seed))))
    return rows


def _with_targets(metrics: tuple[MetricTarget, ...], wanted: dict[str, float | None]) -> tuple[MetricTarget, ...]:
    unknown = sorted(wanted.keys() - {each.metric for each in metrics})
    if unknown:
        raise InvalidParameterError(f"The scenario's autoscaler does not look at {unknown[0]}.")
    changed = []
    for each in metrics:
        target = wanted.get(each.metric, each.target)
        if target is not None:
            changed.append(MetricTarget(metric=each.metric, form=each.form, target=target))
    if not changed:
        raise InvalidParameterError("An autoscaler needs at least one metric; not all may be none.")
    return tuple(changed)


def _choice(text: str) -> Choice:
    name, _, values = text.partition("=")
    try:
        return name, tuple(None if value == "none" else float(value) for value in values.split(","))
    except ValueError as error:
        raise InvalidParameterError(f"--target {text}: write METRIC=VALUE,VALUE,… with numbers or none.") from error
