"""Settings as the YAML that ``--config`` reads."""

from __future__ import annotations

import yaml

from wrinkle_server.settings.serve_settings import ServeSettings

__all__ = ["yaml_text"]


def yaml_text(settings: ServeSettings) -> str:
    """Return every setting in the order of the fields; no setting is a secret, files are named and not read."""
    text: str = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text
