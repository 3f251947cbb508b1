"""How each command is parted into shards; ``parted`` chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from wrinkle_batch.parsed_command import ParsedCommand
from wrinkle_batch.parts.segment import segment_shards
from wrinkle_batch.parts.weak_labels import weak_label_shards
from wrinkle_batch.shard import Shard
from wrinkle_core.errors import InvalidParameterError

__all__ = ["parted"]

_LOCAL_PATHS: Final = ("token_file", "ca_file", "parser")


def parted(command: ParsedCommand, shard_count: int) -> tuple[Shard, ...]:
    """Return a command's shards.

    Args:
        command: ``segment`` or ``weak-labels``.
        shard_count: For ``segment``; weak labels have a shard per folder of pictures.

    Raises:
        InvalidParameterError: Another command, a path that means another file on another machine, an option that
            parts the work itself, or results of another number of shards.
    """
    parts = {"segment": lambda: segment_shards(command, shard_count), "weak-labels": lambda: weak_label_shards(command)}
    if command.name not in parts:
        raise InvalidParameterError(f"`wrinkle {command.name}` has no shards; Ray runs {' and '.join(parts)}.")
    paths = [command.values["out"], *(command.values[name] for name in _LOCAL_PATHS if command.values.get(name))]
    relative = next((path for path in paths if not Path(path).is_absolute()), None)
    if relative is not None:
        raise InvalidParameterError(f"{relative} is relative; every worker needs the same absolute paths.")
    return parts[command.name]()
