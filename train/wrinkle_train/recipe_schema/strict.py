"""The base of every recipe section: frozen, and unknown keys raise."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Strict"]


class Strict(BaseModel):
    """A frozen section; a key it does not know is an error that names the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)
