"""All that ``wrinkle doctor`` looks at, for the settings that ``wrinkle serve`` would take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wrinkle_core.errors import InvalidParameterError, WrinkleError
from wrinkle_server.doctor import gateway, limits, memory, servers, software
from wrinkle_server.doctor.finding import Finding
from wrinkle_server.settings.resolve import step_configs
from wrinkle_server.settings.serve_settings import ServeSettings
from wrinkle_server.settings.sources import load_settings

__all__ = ["examine"]


def examine(config: Path | None = None) -> tuple[Finding, ...]:
    """Return one finding per check.

    Args:
        config: Settings file, as for ``wrinkle serve``; environment variables count too.
    """
    try:
        settings = load_settings({}, config)
        read = Finding("settings", "ok", str(config) if config else "environment and defaults")
    except InvalidParameterError as error:
        settings = ServeSettings()
        read = Finding("settings", "failure", str(error), "Correct it; what follows is said of the defaults.")
    return (
        *software.findings(),
        read,
        *servers.findings(settings),
        *_models(settings),
        *gateway.findings(settings),
    )


def _models(settings: ServeSettings) -> Iterator[Finding]:
    try:
        configs = step_configs(settings)
    except (WrinkleError, OSError) as error:
        remedy = "Correct the settings of the models; memory and cores were not judged."
        yield Finding("models", "failure", str(error), remedy)
        return
    yield from memory.findings(configs)
    yield from limits.findings(configs)
