"""A command's options made from the settings, so that names, ranges, defaults and help stand in one place.

Typer reads a function's signature; here the signature is made from the fields. An option that is not given is None and
leaves the setting to environment, file and default.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import annotated_types
import typer
from pydantic.fields import FieldInfo

from wrinkle_server.settings.fields import cli_of, field_by_key, flags_of

__all__ = ["default_text", "settings_options"]

_JOINT = "__"


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return ``command`` with one option per setting.

    Args:
        command: Takes the mapping of what was given, nested like ``ServeSettings``, as its first parameter; its other
            parameters have Typer annotations of their own.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @functools.wraps(command)
    def with_options(**values: Any) -> None:
        rest = {parameter.name: values.pop(parameter.name) for parameter in own}
        command(_nested(values), **rest)

    parameters = [_parameter(key, field) for key, field in field_by_key().items()]
    with_options.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*parameters, *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own)]
    )
    with_options.__annotations__ = {one.name: one.annotation for one in (*parameters, *own)}
    return with_options


def default_text(field: FieldInfo) -> str:
    """Return a field's default as help and documentation show it."""
    return cli_of(field).shown_default or str(field.default)


def _parameter(key: tuple[str, ...], field: FieldInfo) -> inspect.Parameter:
    cli = cli_of(field)
    bounds = {"min": annotated_types.Ge, "max": annotated_types.Le}
    limits = {
        name: getattr(one, kind.__name__.lower())
        for one in field.metadata
        for name, kind in bounds.items()
        if isinstance(one, kind)
    }
    default = "" if field.default == () or field.default is False else default_text(field)
    option = typer.Option(
        *flags_of(key), help=field.description, show_default=default or False, metavar=cli.metavar, **limits
    )
    return inspect.Parameter(
        _JOINT.join(key),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[_plain_type(field.annotation) | None, option],
    )


def _plain_type(annotation: Any) -> Any:
    """Return the type that Typer is to read an option as; choices are judged with the other sources."""
    if get_origin(annotation) is tuple:
        return list[str]
    for plain in (bool, int, float, Path):
        if annotation is plain or plain in get_args(annotation):
            return plain
    return str


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given, nested like the settings."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or value == []:
            continue
        *groups, last = name.split(_JOINT)
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = value
    return nested
