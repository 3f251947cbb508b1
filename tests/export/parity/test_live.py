"""The gate against a running Triton server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from live_server import options_on_free_ports, serving
from wrinkle_core.contract import segmenter
from wrinkle_core.errors import InvalidParameterError, ServerUnreachableError
from wrinkle_export.artifacts.build_folder import BuildFolder
from wrinkle_export.graph.network_source import NetworkSource
from wrinkle_export.parity.gate import verify
from wrinkle_export.parity.live import LiveEnsemble
from wrinkle_export.parity.pictures import Pictures
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.triton.model_server import ModelServer

LIVE_ONLY = ("live",)


@pytest.fixture(scope="module")
def server_with_unetpp(unetpp_build: BuildFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """Return a server with the very network, in BF16 where this processor has it."""
    folder = tmp_path_factory.mktemp("serving")
    network = unetpp_build.checked_files(unetpp_build.artifact("unetpp/onnx-fp16-storage"))[0]
    served = {"unetpp": ServedNetwork.from_onnx(network, "auto")}
    repository = assemble_repository(folder / "repository", served, Deployment("openvino"))
    with serving(options_on_free_ports(repository, folder / "triton.log", "unetpp")) as server:
        yield server


@pytest.mark.live
@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_with_another_network_fails_and_the_script_shows_it_again(
    scheme: str,
    live_server: ModelServer,
    unetpp_source: NetworkSource,
    unetpp_build: BuildFolder,
    unetpp_pictures: Pictures,
    tmp_path: Path,
) -> None:
    port = live_server.options.http_port if scheme == "http" else live_server.options.grpc_port
    url = f"{scheme}://{live_server.options.host}:{port}"
    verdict = verify(unetpp_build, unetpp_source, unetpp_pictures, tmp_path / "report", url=url, only=LIVE_ONLY)
    assert [one.runtime for one in verdict.comparisons] == ["live"]
    assert not verdict.passed
    script = verdict.cases[0] / "reproduce.py"
    shown = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 1, shown.stderr


@pytest.mark.live
def test_a_server_with_the_right_network_passes(
    server_with_unetpp: ModelServer,
    unetpp_source: NetworkSource,
    unetpp_build: BuildFolder,
    unetpp_pictures: Pictures,
    tmp_path: Path,
) -> None:
    url = f"http://{server_with_unetpp.options.host}:{server_with_unetpp.options.http_port}"
    verdict = verify(unetpp_build, unetpp_source, unetpp_pictures, tmp_path / "report", url=url, only=LIVE_ONLY)
    assert verdict.comparisons[0].broken == ()


def test_an_address_of_another_form_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="http://HOST:PORT"):
        LiveEnsemble("localhost:8000", segmenter("unetpp"))


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_where_nothing_answers_the_remedy_is_named(scheme: str) -> None:
    with pytest.raises(ServerUnreachableError, match="wrinkle serve"):
        LiveEnsemble(f"{scheme}://127.0.0.1:9", segmenter("unetpp"))
