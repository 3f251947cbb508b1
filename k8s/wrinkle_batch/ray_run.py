"""Shards on a Ray cluster, through Ray Data.

A shard is a row of a dataset and a task of its own. Ray Data runs as many at a time as it is told, hands over what has
ended in any order, and starts a task anew elsewhere, up to three times, when its worker or node has died.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import ray
from ray.data import DataContext, TaskPoolStrategy, from_items

from wrinkle_batch.shard import Shard, ShardOutcome
from wrinkle_batch.worker import run_shard
from wrinkle_client.exit_codes import ExitCode
from wrinkle_core.errors import ServerUnreachableError

__all__ = ["run_on_ray"]

_CONNECT_LIMIT_S: Final = 10.0


def run_on_ray(
    shards: Sequence[Shard], address: str, *, at_a_time: int, tries: int, cpus_per_shard: float
) -> Iterator[ShardOutcome]:
    """Yield how each shard ended, as they end; those whose workers kept dying last.

    Args:
        shards: What to do, at least one.
        address: Of the cluster: ``auto`` inside it, ``host:port`` of its head, ``local`` for this machine alone.
        at_a_time: Shards under way at the same time, at most.
        tries: How often a worker begins a shard, at most, while the server is at fault.
        cpus_per_shard: What Ray sets aside for one.

    Raises:
        ServerUnreachableError: There is no Ray cluster.
    """
    _require_listener(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a Ray that is started here reports to nobody
    try:
        ray.init(address, log_to_driver=False)
    except ConnectionError as error:
        raise _no_cluster(address) from error
    try:
        yield from _outcomes(shards, at_a_time, tries, cpus_per_shard)
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Fail soon where nobody listens at HOST:PORT; Ray itself tries for minutes."""
    host, separator, port = address.rpartition(":")
    if separator and port.isdecimal() and "://" not in address:
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_LIMIT_S).close()
        except (OSError, OverflowError) as error:
            raise _no_cluster(address) from error


def _no_cluster(address: str) -> ServerUnreachableError:
    return ServerUnreachableError(
        f"No Ray cluster answers at {address}. Start one, or give --address local for this machine alone."
    )


def _outcomes(shards: Sequence[Shard], at_a_time: int, tries: int, cpus_per_shard: float) -> Iterator[ShardOutcome]:
    context = DataContext.get_current()
    context.max_errored_blocks = -1  # one shard's end stops no other
    context.enable_progress_bars = False
    rows = [{"name": shard.name, "words": list(shard.words)} for shard in shards]
    dataset = from_items(rows, override_num_blocks=len(rows)).map(
        partial(_run_row, tries),
        compute=TaskPoolStrategy(size=at_a_time),
        num_cpus=cpus_per_shard,
    )
    left = {shard.name for shard in shards}
    for row in dataset.iter_rows():
        left.discard(row["name"])
        yield ShardOutcome(**row)
    for name in sorted(left):
        yield ShardOutcome(name, ExitCode.ENVIRONMENT, 0, 0.0, "No outcome: its workers died or broke, see Ray's logs.")


def _run_row(tries: int, row: Mapping[str, Any]) -> dict[str, Any]:
    return asdict(run_shard(Shard(str(row["name"]), tuple(map(str, row["words"]))), tries))
