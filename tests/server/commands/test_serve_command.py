"""``wrinkle serve`` and ``wrinkle doctor`` refuse what cannot work before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from wrinkle_core.assets import ASSETS_DIR_VARIABLE, fetch_assets
from wrinkle_core.errors import ArtifactError, ContractError, InvalidParameterError, WrinkleError
from wrinkle_server.commands.doctor import doctor
from wrinkle_server.commands.serve import serve


def run(command: object, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)  # type: ignore[type-var]
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        (("--host", "0.0.0.0"), InvalidParameterError, "--open-inference"),
        (("--precision", "f64"), InvalidParameterError, "--precision is one of auto, f32, bf16, int8"),
        (("--models", "resnet"), InvalidParameterError, "No model is called 'resnet'"),
        (("--onnx", "unetpp"), InvalidParameterError, "NAME=PATH"),
        (("--models", "unetpp", "--onnx", "unet_texture=a.onnx"), InvalidParameterError, "does not include"),
        (("--models", "unetpp", "--onnx", "unetpp=nowhere.onnx"), ArtifactError, "is missing"),
        (("--model-repository", ".", "--models", "unetpp"), InvalidParameterError, "served as it is"),
        (
            ("--model-repository", ".", "--threads", "3", "--max-waiting", "9"),
            InvalidParameterError,
            "threads, max_waiting",
        ),
        (("--config", "/nonexistent"), InvalidParameterError, "cannot be read"),
        (("--max-waiting", "65"), ContractError, "its queue holds 64"),
        (("--model-repository", "/nonexistent"), ArtifactError, "holds no ensemble"),
    ],
)
def test_option_that_cannot_work_is_refused_with_its_reason(
    arguments: tuple[str, ...], error: type[WrinkleError], reason: str
) -> None:
    fetch_assets()
    raised = run(serve, *arguments).exception
    assert isinstance(raised, error)
    assert reason in str(raised)


def test_port_outside_the_range_is_wrong_usage() -> None:
    assert run(serve, "--http-port", "70000").exit_code == 2


def test_doctor_fails_and_says_what_to_do_when_something_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ASSETS_DIR_VARIABLE, str(tmp_path))
    told = run(doctor)
    assert told.exit_code == 1
    assert "face networks" in told.stdout
