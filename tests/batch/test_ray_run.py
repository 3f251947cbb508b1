"""A Ray cluster that is not there."""

from __future__ import annotations

import pytest

from wrinkle_batch.ray_run import run_on_ray
from wrinkle_batch.shard import Shard
from wrinkle_core.errors import ServerUnreachableError
from wrinkle_server.triton.ports import free_ports


def test_where_nobody_listens_the_command_says_so_at_once() -> None:
    (port,) = free_ports(1)
    shards = (Shard("shard-0", ("segment",)),)
    with pytest.raises(ServerUnreachableError, match=f"No Ray cluster answers at 127.0.0.1:{port}"):
        next(run_on_ray(shards, f"127.0.0.1:{port}", at_a_time=1, tries=1, cpus_per_shard=1.0))
