"""A shard's command line, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Shard", "ShardOutcome"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of the work.

    Attributes:
        name: Of its folder in the folder of results.
        words: The ``wrinkle`` command line that does it, and goes on where an earlier try ended.
    """

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShardOutcome:
    """How a shard ended.

    Attributes:
        name: The shard's.
        exit_code: Of the last try, see ``wrinkle_client.exit_codes``.
        tries: How often the command ran on the worker that ended it.
        seconds: From the first of these tries to the end.
        message: Why it failed, as the command would print it; empty otherwise.
    """

    name: str
    exit_code: int
    tries: int
    seconds: float
    message: str
