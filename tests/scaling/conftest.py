"""Two real servers, each pinned to a core of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from live_server import options_on_free_ports
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_export.repository.deployment import Deployment
from wrinkle_server.triton.model_server import ModelServer


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keep this thread on one core; what it starts stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.fixture(scope="module")
def two_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ModelServer, ...]]:
    """Serve the shipped ``unetpp`` twice, on one core each; nobody supervises them, so nobody publishes queues."""
    folder = tmp_path_factory.mktemp("two-servers")
    deployment = Deployment("openvino", preprocess_instances=1, threshold_instances=1, threads=1)
    repository = assemble_repository(folder / "repository", chosen_networks("unetpp"), deployment)
    with ExitStack() as stack:
        servers = []
        cores = sorted(os.sched_getaffinity(0))[:2]
        assert len(cores) == 2, "two servers need two cores"
        for core in cores:
            server = ModelServer(options_on_free_ports(repository, folder / f"triton-{core}.log", "unetpp"))
            with pinned(core):
                server.start()
            stack.callback(server.kill)  # nothing is in flight, and an orderly end takes seconds
            servers.append(server)
        for server in servers:
            server.wait_ready()
        yield tuple(servers)
