"""A server of one segmenter whose repository may be changed, and a second network for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from live_server import options_on_free_ports, serving, write_dark_line_network
from wrinkle_core.assets import fetch_assets
from wrinkle_core.contract import segmenter
from wrinkle_export.repository.assemble import PROMOTIONS_FILE, assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.models.rollout import Rollout
from wrinkle_server.running import RunningServer
from wrinkle_server.triton.model_server import ModelServer

UNETPP = segmenter("unetpp")


@pytest.fixture(scope="module")
def server(
    dark_line_served: dict[str, ServedNetwork], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModelServer]:
    """Return a running server whose repository holds version 1 of ``unetpp``."""
    fetch_assets()
    folder = tmp_path_factory.mktemp("versions")
    deployment = Deployment("openvino", preprocess_instances=1, threshold_instances=1)
    repository = assemble_repository(folder / "repository", {"unetpp": dark_line_served["unetpp"]}, deployment)
    with serving(options_on_free_ports(repository, folder / "triton.log", "unetpp")) as running:
        yield running


@pytest.fixture
def rollout(server: ModelServer) -> Iterator[Rollout]:
    """Return what can be done with the versions of ``unetpp``; afterwards version 1 serves alone again."""
    rollout = Rollout(RunningServer.of(server, health_port=1, temporary=False), UNETPP)
    yield rollout
    versions = rollout.versions
    if versions.pinned() != 1:
        rollout.promote(1)
    if server.admin.ready_versions("unetpp") != (1,):
        versions.select((1,))
        server.admin.load("unetpp")
    for version in versions.on_disk()[1:]:
        versions.remove(version)
    (server.options.repository / PROMOTIONS_FILE).unlink(missing_ok=True)


@pytest.fixture
def fewer_wrinkles(tmp_path: Path) -> ServedNetwork:
    """Return a network that marks other pixels than the one of version 1."""
    path = write_dark_line_network(UNETPP, tmp_path / "fewer.onnx", flat_skin_logit=-2.5)
    return ServedNetwork.from_onnx(path)
