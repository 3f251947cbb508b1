"""The command's options are the settings: each is there, with its range, default and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from wrinkle_server.commands.serve import serve
from wrinkle_server.settings.fields import field_by_key, flags_of
from wrinkle_server.settings.options import settings_options


def serve_app() -> typer.Typer:
    application = typer.Typer()
    application.command()(serve)
    return application


def test_every_setting_is_an_option_with_its_meaning() -> None:
    options = {name: option for option in typer.main.get_command(serve_app()).params for name in option.opts}
    for key, field in field_by_key().items():
        flag = flags_of(key)[0].partition("/")[0]
        assert getattr(options[flag], "help", None) == field.description


def test_only_what_was_given_is_passed_on() -> None:
    seen: list[Mapping[str, Any]] = []

    @settings_options
    def command(given: Mapping[str, Any], twice: bool = False) -> None:
        seen.extend([given] * (2 if twice else 1))

    application = typer.Typer()
    application.command()(command)
    arguments = ["--http-port", "81", "--onnx", "a=b", "--onnx", "c=d", "--gateway", "--gateway-port", "9", "--twice"]
    assert CliRunner().invoke(application, arguments).exit_code == 0
    assert seen == [{"http_port": 81, "onnx": ["a=b", "c=d"], "gateway": {"enabled": True, "port": 9}}] * 2


@pytest.mark.parametrize("option", ["--http-port", "--gateway-port", "--threads", "--drain-delay-s"])
def test_value_outside_the_range_is_wrong_usage(option: str) -> None:
    assert CliRunner().invoke(serve_app(), [option, "-1"]).exit_code == 2


def test_settings_are_printed_without_starting_anything() -> None:
    told = CliRunner().invoke(serve_app(), ["--print-config", "--threads", "3"])
    assert told.exit_code == 0
    assert "threads: 3\n" in told.stdout
