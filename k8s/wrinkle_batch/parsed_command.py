"""A ``wrinkle`` command line as values, and back: read with the command's own options, so none is listed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import typer
from typer.core import TyperGroup

from wrinkle_client.cli import app

__all__ = ["ParsedCommand", "parse_command"]


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """One command with its values.

    Attributes:
        name: Such as ``segment``.
        values: By the names of the command's Python parameters, defaults and environment variables filled in.
        command: Click's command.
    """

    name: str
    values: Mapping[str, Any]
    command: Any

    def words(self, **changed: Any) -> tuple[str, ...]:
        """Return the command line with some values changed; it says every value, whatever the environment says."""
        values = {**self.values, **changed}
        options: list[str] = []
        arguments: list[str] = []
        for parameter in self.command.params:
            value = values.get(parameter.name)
            if value is None:
                continue
            if parameter.param_type_name == "argument":
                arguments += [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]
            elif parameter.is_flag:
                options += parameter.opts[:1] if value else parameter.secondary_opts[:1]
            else:
                options.append(f"{parameter.opts[0]}={value.value if isinstance(value, Enum) else value}")
        return (self.name, *options, "--", *arguments)


def parse_command(words: Sequence[str]) -> ParsedCommand:
    """Read a command line.

    Raises:
        UsageError: Typer's: no such command, or its options are wrong; ``wrinkle`` prints it, exit code 2.
        MissingExtraError: A library of the command is not installed.
    """
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    above = group.context_class(group, info_name="wrinkle")
    name, command, rest = group.resolve_command(above, list(words))
    assert name is not None
    assert command is not None
    return ParsedCommand(name, command.make_context(name, rest, parent=above).params, command)
