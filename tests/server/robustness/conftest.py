"""A server of its own for whoever tries to break it, and the proof that it is whole afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from live_server import options_on_free_ports, serving
from server_memory import ServerProcesses
from timeless import timeless
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.raw_inference import infer_raw


@dataclass(frozen=True)
class Target:
    """A server of ``unetpp``, and what it answers to a good photograph."""

    server: ModelServer
    photo: bytes
    processes: ServerProcesses
    answer: dict[str, bytes]

    @property
    def host(self) -> str:
        """Address of the server."""
        return self.server.options.host

    @property
    def http_port(self) -> int:
        """Port of HTTP."""
        return self.server.options.http_port

    @property
    def grpc_address(self) -> str:
        """``host:port`` of gRPC."""
        return f"{self.host}:{self.server.options.grpc_port}"

    def assert_whole(self) -> None:
        """Fail when a process died, or the photograph gets another answer than before."""
        assert ServerProcesses.of(self.server) == self.processes
        again = infer_raw(self.host, self.http_port, "wrinkle_unetpp", self.photo, 30.0)
        assert timeless(again) == timeless(self.answer)


@pytest.fixture(scope="package")
def repository_of_unetpp(dark_line_served: dict[str, ServedNetwork], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of one segmenter with two preprocess processes."""
    deployment = Deployment("openvino", preprocess_instances=2, threshold_instances=1)
    target = tmp_path_factory.mktemp("robustness") / "repository"
    return assemble_repository(target, {"unetpp": dark_line_served["unetpp"]}, deployment)


@pytest.fixture(scope="package")
def target(
    repository_of_unetpp: Path, tmp_path_factory: pytest.TempPathFactory, grace_hopper_jpeg: bytes
) -> Iterator[Target]:
    """Return the server that all of this folder's tests attack."""
    log_path = tmp_path_factory.mktemp("target") / "triton.log"
    with serving(options_on_free_ports(repository_of_unetpp, log_path, "unetpp")) as server:
        host, port = server.options.host, server.options.http_port
        answer = infer_raw(host, port, "wrinkle_unetpp", grace_hopper_jpeg, 30.0)
        yield Target(server, grace_hopper_jpeg, ServerProcesses.of(server), answer)


@pytest.fixture(autouse=True)
def _whole_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves the shared server broken."""
    yield
    if "target" in request.fixturenames:
        request.getfixturevalue("target").assert_whole()
