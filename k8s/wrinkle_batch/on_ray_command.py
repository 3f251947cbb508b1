"""``wrinkle on-ray``: another command's work, spread over a Ray cluster."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_client.exit_codes import ExitCode

if TYPE_CHECKING:
    from wrinkle_batch.shard import ShardOutcome
    from wrinkle_client.batch_run.entry import Entry

__all__ = ["app"]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("on-ray", context_settings={"allow_interspersed_args": False})
def _on_ray(
    words: Annotated[
        list[str], typer.Argument(metavar="COMMAND", help="segment or weak-labels, with all its own options.")
    ],
    address: Annotated[
        str,
        typer.Option(
            "--address",
            envvar="RAY_ADDRESS",
            help="auto: the cluster around; HOST:PORT: that one; local: this machine alone.",
        ),
    ] = "auto",
    shard_count: Annotated[
        int, typer.Option("--shard-count", min=1, max=10_000, help="Shards of segment; keep it from run to run.")
    ] = 16,
    at_a_time: Annotated[int, typer.Option("--at-a-time", min=1, max=10_000, help="Shards under way.")] = 4,
    tries: Annotated[
        int, typer.Option("--tries", min=1, max=20, help="How often a shard is begun while the server fails.")
    ] = 4,
    cpus_per_shard: Annotated[
        float, typer.Option("--cpus-per-shard", min=0.01, max=1024.0, help="Cores that Ray sets aside for a shard.")
    ] = 1.0,
) -> None:
    """Run another command in shards on a Ray cluster, and make one run of their results.

    Every worker must find the photographs, the --out folder and the files of the options under the same absolute paths.
    Run the same line again to go on. Exit code: the highest of the shards'.
    """
    from wrinkle_batch.merged_run import merged_run
    from wrinkle_batch.parsed_command import parse_command
    from wrinkle_batch.parts import parted
    from wrinkle_batch.ray_run import run_on_ray

    command = parse_command(words)
    shards = parted(command, shard_count)
    out = Path(command.values["out"])
    with merged_run(out) if command.name == "segment" else nullcontext() as merged:
        outcomes = []
        for outcome in run_on_ray(shards, address, at_a_time=at_a_time, tries=tries, cpus_per_shard=cpus_per_shard):
            outcomes.append(outcome)
            _show(outcome, len(outcomes), len(shards))
        if merged is not None:
            _sum_up(merged.gather([shard.name for shard in shards]), out)
    worst = max(outcome.exit_code for outcome in outcomes)
    if worst:
        raise typer.Exit(worst)


def _show(outcome: ShardOutcome, ended: int, of: int) -> None:
    tries = "" if outcome.tries < 2 else f", {outcome.tries} tries"
    line = f"{ended} of {of}: {outcome.name}, exit code {outcome.exit_code}, {outcome.seconds:.0f} s{tries}"
    typer.secho(
        f"{line} {outcome.message}".rstrip(),
        fg=None if outcome.exit_code == ExitCode.OK else typer.colors.RED,
        err=outcome.exit_code != ExitCode.OK,
    )


def _sum_up(entries: tuple[Entry, ...], out: Path) -> None:
    failed = sum(entry.failure is not None for entry in entries)
    typer.echo(f"{len(entries) - failed} photographs segmented, {failed} without a result; {out}")
