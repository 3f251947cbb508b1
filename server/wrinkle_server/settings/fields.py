"""The fields of ``ServeSettings`` one by one, those of nested groups included."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from wrinkle_server.settings.serve_settings import Cli, ServeSettings

__all__ = ["cli_of", "field_by_key", "flag_of", "flags_of"]


@cache
def field_by_key() -> dict[tuple[str, ...], FieldInfo]:
    """Return every field by its name, preceded by the name of its group where it has one."""
    fields: dict[tuple[str, ...], FieldInfo] = {}
    for name, field in ServeSettings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            fields |= {(name, inner): one for inner, one in field.annotation.model_fields.items()}
        else:
            fields[(name,)] = field
    return fields


def cli_of(field: FieldInfo) -> Cli:
    """Return how a field looks on the command line."""
    return next((one for one in field.metadata if isinstance(one, Cli)), Cli())


def flags_of(key: tuple[str, ...]) -> tuple[str, ...]:
    """Return the flags of a setting."""
    field = field_by_key().get(key)
    return (cli_of(field).flags if field is not None else ()) or ("--" + "-".join(key).replace("_", "-"),)


def flag_of(key: tuple[str, ...]) -> str:
    """Return the flag to name in a message."""
    return flags_of(key)[0].partition("/")[0]
