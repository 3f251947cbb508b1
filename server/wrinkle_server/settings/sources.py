"""Where each setting comes from: flags before environment before one YAML file before defaults.

A value that is wrong, and a name that nobody knows, is told with the place where it stands.

Source: pydantic-settings, ``EnvSettingsSource`` and ``YamlConfigSettingsSource``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError, YamlConfigSettingsSource

from wrinkle_core.errors import InvalidParameterError
from wrinkle_server.settings.fields import field_by_key, flag_of
from wrinkle_server.settings.serve_settings import ENVIRONMENT_PREFIX, NESTING, ServeSettings

__all__ = ["CONFIG_VARIABLE", "environment_name", "load_settings"]

CONFIG_VARIABLE: Final = f"{ENVIRONMENT_PREFIX}CONFIG"
_MAX_FILE_BYTES: Final = 1024 * 1024
_MAX_VALUE_CHARS: Final = 80
_MAX_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class _Source:
    """The settings that one place gives, nested like ``ServeSettings``."""

    kind: Literal["flag", "environment", "file"]
    values: Mapping[str, Any]
    file: Path | None = None

    def name(self, key: tuple[str, ...]) -> str:
        """Return ``key`` as a person wrote it in this place."""
        if self.kind == "flag":
            return flag_of(key)
        return environment_name(key) if self.kind == "environment" else f"{'.'.join(key)} in {self.file}"

    def holds(self, key: tuple[str, ...]) -> bool:
        values: Any = self.values
        for part in key:
            if not isinstance(values, Mapping) or part not in values:
                return False
            values = values[part]
        return True


def environment_name(key: tuple[str, ...]) -> str:
    """Return the environment variable of a setting."""
    return ENVIRONMENT_PREFIX + NESTING.join(key).upper()


def load_settings(flags: Mapping[str, Any], config: Path | None = None) -> ServeSettings:
    """Return the settings in force.

    Args:
        flags: What the command line gave, nested like ``ServeSettings``.
        config: YAML file; None takes the one that the environment variable ``WRINKLE_SERVE_CONFIG`` names, or none.

    Raises:
        InvalidParameterError: A name is unknown or a value is wrong, told with the place where it stands; or the file
            cannot be read.
    """
    file = config or (Path(named) if (named := os.environ.get(CONFIG_VARIABLE)) else None)
    sources = (
        _Source("flag", flags),
        _Source("environment", _environment()),
        *(() if file is None else (_Source("file", _read(file), file),)),
    )
    try:
        return ServeSettings(**_merged([source.values for source in sources]))
    except ValidationError as error:
        told = [_told(one, sources) for one in error.errors(include_url=False)[:_MAX_TOLD]]
        raise InvalidParameterError(" ".join(told)) from error


def _environment() -> dict[str, Any]:
    names = (CONFIG_VARIABLE, *(environment_name(key) for key in field_by_key()))
    known = {name.lower(): name for name in names}
    groups = tuple(f"{environment_name((key[0],))}{NESTING}".lower() for key in field_by_key() if len(key) > 1)
    for name in os.environ:
        lower = name.lower()
        if lower.startswith(ENVIRONMENT_PREFIX.lower()) and lower not in known and not lower.startswith(groups):
            raise InvalidParameterError(f"No setting is called {name}.{_suggestion(lower, known)}")
    try:
        return EnvSettingsSource(ServeSettings)()
    except SettingsError as error:
        raise InvalidParameterError(
            f"The environment variables {ENVIRONMENT_PREFIX}… cannot be read: {error}"
        ) from error


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise InvalidParameterError(f"{file} has more than {_MAX_FILE_BYTES} bytes; it is no settings file.")
        return YamlConfigSettingsSource(ServeSettings, yaml_file=file)()
    except OSError as error:
        raise InvalidParameterError(f"The settings file {file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        line = f", line {place.line + 1}" if place is not None else ""
        raise InvalidParameterError(f"The settings file {file}{line} is no YAML.") from error
    except (SettingsError, TypeError, ValueError) as error:
        raise InvalidParameterError(f"The settings file {file} must be a mapping of settings to values.") from error


def _merged(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one mapping in which a value of an earlier layer hides those of later ones."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(merged.get(key), Mapping) and isinstance(value, Mapping)
            merged[key] = _merged([merged[key], value]) if both else merged.get(key, value)
    return merged


def _told(error: ErrorDetails, sources: Sequence[_Source]) -> str:
    key = _key_of(error)
    source = next((one for one in sources if one.holds(key)), sources[0])
    name, value = source.name(key), repr(error["input"])[:_MAX_VALUE_CHARS]
    if error["type"] == "extra_forbidden":
        known = {".".join(known): source.name(known) for known in field_by_key()}
        return f"No setting is called {name}.{_suggestion('.'.join(key), known)}"
    if error["type"] == "literal_error":
        choices = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"{name} is one of {choices}, got {value}."
    return f"{name}: {error['msg'].removeprefix('Value error, ')}, got {value}."


def _key_of(error: ErrorDetails) -> tuple[str, ...]:
    """Return the setting that an error is about; the place inside a list does not matter."""
    return tuple(part for part in error["loc"] if isinstance(part, str))


def _suggestion(name: str, known: Mapping[str, str]) -> str:
    """Return what was perhaps meant; ``known`` gives how each name is written there."""
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {known[near[0]]}?" if near else " `wrinkle serve --print-config` lists all."
