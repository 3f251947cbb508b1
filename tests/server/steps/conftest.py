"""A server whose bounds are low enough to be met: two preprocess processes, one segmenter, no supervisor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from live_server import options_on_free_ports, serving
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.triton.model_server import ModelServer

BOUNDED = Deployment(
    "openvino",
    preprocess_instances=2,
    threshold_instances=1,
    max_waiting=3,
    max_queue_size=4,
    max_encoded_bytes=300_000,
    max_pixels=500_000,
)


@pytest.fixture(scope="package")
def bounded_server(
    dark_line_served: dict[str, ServedNetwork], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModelServer]:
    """Return a server of ``unetpp`` with the bounds of ``BOUNDED``."""
    folder = tmp_path_factory.mktemp("bounded")
    repository = assemble_repository(folder / "repository", {"unetpp": dark_line_served["unetpp"]}, BOUNDED)
    with serving(options_on_free_ports(repository, folder / "triton.log", "unetpp")) as server:
        yield server
