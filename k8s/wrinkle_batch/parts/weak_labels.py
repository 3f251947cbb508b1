"""``wrinkle weak-labels`` in shards: a folder of pictures each."""

from __future__ import annotations

from pathlib import Path

from wrinkle_batch.parsed_command import ParsedCommand
from wrinkle_batch.shard import Shard
from wrinkle_core.errors import InvalidParameterError

__all__ = ["weak_label_shards"]


def weak_label_shards(command: ParsedCommand) -> tuple[Shard, ...]:
    """Return a shard per folder in the folder of pictures; each works in one process, Ray has the others.

    Raises:
        InvalidParameterError: The folder of pictures is relative, or has no folders.
    """
    images, out = Path(command.values["images"]), Path(command.values["out"])
    if not images.is_absolute():
        raise InvalidParameterError(f"{images} is relative; every worker needs the same absolute paths.")
    folders = sorted(path for path in images.glob("*") if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise InvalidParameterError(
            f"{images} holds no folders; pictures are parted by their folders (00000, 01000, …)."
        )
    return tuple(
        Shard(folder.name, command.words(images=folder, out=out / folder.name, workers=1)) for folder in folders
    )
