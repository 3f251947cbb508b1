"""``wrinkle models``: from a file to a serving version and back, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from live_server import options_on_free_ports, write_dark_line_network
from wrinkle_core.assets import fetch_assets
from wrinkle_core.contract import segmenter
from wrinkle_core.errors import InvalidParameterError, ServerUnreachableError, WrinkleError
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.commands.models import app
from wrinkle_server.running import RunningServer, announced
from wrinkle_server.triton.model_server import ModelServer


def models(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def no_other_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the servers that run on this machine for other reasons."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        (("list",), ServerUnreachableError, "No `wrinkle serve` of this user runs"),
        (("promote", "unetpp", "2"), ServerUnreachableError, "No `wrinkle serve`"),
        (("rollback", "unetpp", "--http-port", "81"), ServerUnreachableError, "on HTTP port 81"),
        (("load", "unetpp"), InvalidParameterError, "exactly one of --onnx FILE, --build FOLDER and --version N"),
        (("load", "unetpp", "--version", "2", "--onnx", "a.onnx"), InvalidParameterError, "exactly one of"),
    ],
)
def test_command_that_cannot_work_says_why(arguments: tuple[str, ...], error: type[WrinkleError], reason: str) -> None:
    raised = models(*arguments).exception
    assert isinstance(raised, error)
    assert reason in str(raised)


@pytest.fixture
def temporary_server(dark_line_served: dict[str, ServedNetwork], tmp_path: Path) -> Iterator[ModelServer]:
    fetch_assets()
    deployment = Deployment("openvino", preprocess_instances=1, threshold_instances=1)
    repository = assemble_repository(tmp_path / "repository", {"unetpp": dark_line_served["unetpp"]}, deployment)
    with (
        ModelServer(options_on_free_ports(repository, tmp_path / "triton.log", "unetpp")) as server,
        announced(RunningServer.of(server, health_port=1, temporary=True)),
    ):
        yield server


@pytest.mark.live
def test_file_becomes_a_version_serves_and_is_taken_back(temporary_server: ModelServer, tmp_path: Path) -> None:
    onnx = write_dark_line_network(segmenter("unetpp"), tmp_path / "new.onnx", flat_skin_logit=-2.5)
    loaded = models("load", "unetpp", "--onnx", str(onnx), "--precision", "f32")
    assert "Version 2 of unetpp is loaded and does not serve yet" in loaded.stdout
    assert "IoU 0." in loaded.stdout
    assert "removes it when it stops" in loaded.stdout
    assert "Version 2 of unetpp serves." in models("promote", "unetpp", "2").stdout
    assert standing() == [(1, False, True), (2, True, True)]
    assert "Version 1 of unetpp serves again." in models("rollback", "unetpp").stdout
    assert standing() == [(1, True, True), (2, False, True)]
    assert isinstance(models("promote", "unetpp", "3").exception, InvalidParameterError)
    assert isinstance(models("load", "unet_texture", "--version", "1").exception, InvalidParameterError)
    assert "serves" in models("list").stdout


def standing() -> list[tuple[int, bool, bool]]:
    """Return version, whether it serves and whether it is loaded, as the command tells programs."""
    states = json.loads(models("list", "--json").stdout)["unetpp"]
    return [(one["version"], one["serving"], one["loaded"]) for one in states]
