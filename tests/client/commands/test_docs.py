"""docs/command-line.md names every option and every exit code that there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from wrinkle_client.commands.compare import compare
from wrinkle_client.commands.segment import segment
from wrinkle_client.commands.view import view
from wrinkle_client.exit_codes import ExitCode

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "command-line.md").read_text(encoding="utf-8")
DEFAULT_OF_A_PAIR = {"--open", "--repeats"}


def options(command: Callable[..., None]) -> set[str]:
    app = typer.Typer(add_completion=False)
    app.command()(command)
    parameters = typer.main.get_command(app).params
    return {name for one in parameters for name in (*one.opts, *one.secondary_opts) if name.startswith("--")}


@pytest.mark.parametrize("command", [segment, view, compare])
def test_every_option_is_documented(command: Callable[..., None]) -> None:
    assert options(command) - DEFAULT_OF_A_PAIR <= set(re.findall(r"--[a-z][a-z-]+", PAGE))


def test_no_option_is_made_up() -> None:
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= options(segment) | options(view) | options(compare)


def test_the_exit_codes_are_the_ones_of_the_program() -> None:
    table = PAGE.split("## Exit codes")[1].split("## More")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)} == {code.value for code in ExitCode}
