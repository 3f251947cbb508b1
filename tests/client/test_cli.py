"""The ``wrinkle`` command as a process: what it prints, and what it returns."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wrinkle_client.cli import app
from wrinkle_client.exit_codes import ExitCode, exit_code_of
from wrinkle_core.errors import (
    InvalidParameterError,
    MissingExtraError,
    NoFaceError,
    OverloadedError,
    ServerUnreachableError,
    WrinkleError,
)


def wrinkle(*arguments: str, plugins: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "WRINKLE_URL"}
    if plugins is not None:
        environment["PYTHONPATH"] = str(plugins)
    return subprocess.run(
        [sys.executable, "-m", "wrinkle_client.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """Return a folder with an installed distribution that adds commands of every kind."""
    (tmp_path / "plug_function.py").write_text(
        "from typing import Annotated\nimport typer\n"
        "def greet(name: Annotated[str, typer.Argument()], loud: bool = False) -> None:\n"
        "    '''Greet someone.'''\n    print(f'hello {name}' + '!' * loud)\n"
    )
    (tmp_path / "plug_app.py").write_text(
        "import typer\napp = typer.Typer()\n"
        "@app.command()\ndef one() -> None:\n    print('first')\n"
        "@app.command()\ndef two() -> None:\n    raise KeyboardInterrupt\n"
    )
    (tmp_path / "plug_late.py").write_text("def late() -> None:\n    import not_installed_anywhere.part\n")
    (tmp_path / "plug_early.py").write_text("import not_installed_anywhere\n")
    (tmp_path / "plug_error.py").write_text(
        "from wrinkle_core.errors import OverloadedError\n"
        "def fail() -> None:\n    raise OverloadedError('The queue [red]is[/red] full.')\n"
    )
    info = tmp_path / "plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[wrinkle.commands]\ngreet = plug_function:greet\nmany = plug_app:app\nfail = plug_error:fail\n"
        "export = plug_late:late\ntrain = plug_early:train\nother = plug_early:other\n"
    )
    return tmp_path


def test_help_lists_every_command_with_a_summary() -> None:
    listed = wrinkle("--help")
    assert listed.returncode == 0
    for name, word in {"segment": "wrinkles", "serve": "server", "doctor": "machine", "assets": "face"}.items():
        assert any(line.split()[:1] == [name] and word in line for line in listed.stdout.splitlines())


def test_no_command_shows_the_help_and_counts_as_wrong_usage() -> None:
    shown = wrinkle()
    assert shown.returncode == 2
    assert "segment" in shown.stdout + shown.stderr


def test_version_is_the_distribution_s() -> None:
    assert wrinkle("--version").stdout == f"wrinkle {version('wrinkle-serving')}\n"


def test_a_typing_error_gets_a_suggestion() -> None:
    answer = wrinkle("segmnet")
    assert answer.returncode == 2
    assert "'segment'" in answer.stderr


def test_another_distribution_adds_a_function(plugins: Path) -> None:
    assert wrinkle("greet", "Grace", "--loud", plugins=plugins).stdout == "hello Grace!\n"
    assert "From plug." in wrinkle("--help", plugins=plugins).stdout
    assert "Greet someone." in wrinkle("greet", "--help", plugins=plugins).stdout


def test_another_distribution_adds_a_typer_app(plugins: Path) -> None:
    assert wrinkle("many", "one", plugins=plugins).stdout == "first\n"


@pytest.mark.parametrize(("command", "extra"), [("export", "export"), ("train", "train")])
def test_a_missing_library_is_answered_with_the_pip_line(plugins: Path, command: str, extra: str) -> None:
    answer = wrinkle(command, plugins=plugins)
    assert answer.returncode == ExitCode.ENVIRONMENT
    assert f"pip install 'wrinkle-serving[{extra}]'" in answer.stderr
    assert "not_installed_anywhere" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_missing_library_that_no_extra_brings_is_not_explained_away(plugins: Path) -> None:
    answer = wrinkle("other", plugins=plugins)
    assert answer.returncode == 1
    assert "ModuleNotFoundError" in answer.stderr


def test_an_error_is_one_line_with_its_code(plugins: Path) -> None:
    answer = wrinkle("fail", plugins=plugins)
    assert answer.returncode == ExitCode.SERVER
    assert answer.stderr == "OVERLOADED: The queue [red]is[/red] full.\n"
    assert answer.stdout == ""


def test_ctrl_c_ends_with_130_and_no_traceback(plugins: Path) -> None:
    answer = wrinkle("many", "two", plugins=plugins)
    assert answer.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoFaceError, ExitCode.SOME_FAILED),
        (InvalidParameterError, ExitCode.USAGE),
        (MissingExtraError, ExitCode.ENVIRONMENT),
        (ServerUnreachableError, ExitCode.ENVIRONMENT),
        (OverloadedError, ExitCode.SERVER),
    ],
)
def test_exit_codes_tell_whose_fault_it_was(error: type[WrinkleError], code: ExitCode) -> None:
    assert exit_code_of(error("x")) == code


@pytest.mark.parametrize("words", [("segment", "face.jpg"), ("compare", "before.jpg", "after.jpg")])
@pytest.mark.parametrize("threshold", ["7", "nan"])
def test_a_threshold_that_is_no_probability_is_wrong_usage_before_a_file_or_server_is_asked(
    tmp_path: Path, words: tuple[str, ...], threshold: str
) -> None:
    ended = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out"), "--threshold", threshold])
    assert isinstance(ended.exception, InvalidParameterError)
    assert exit_code_of(ended.exception) is ExitCode.USAGE
    assert not (tmp_path / "out").exists()
