"""``wrinkle segment`` in shards, as the indexed Job has them: a photograph's name decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wrinkle_batch.parsed_command import ParsedCommand
from wrinkle_batch.shard import Shard
from wrinkle_client.batch_run.manifest import MANIFEST_NAME, read_entries
from wrinkle_client.batch_run.photographs import STANDARD_INPUT
from wrinkle_client.batch_run.shards import shard_of
from wrinkle_client.terminal.view import OutputFormat
from wrinkle_core.errors import InvalidParameterError

__all__ = ["segment_shards"]

_WILDCARD: Final = re.compile(r"[*?\[]")
_FOLDER: Final = re.compile(r"shard-([0-9]+)")


def segment_shards(command: ParsedCommand, count: int) -> tuple[Shard, ...]:
    """Return ``count`` shards with a folder ``shard-N`` each.

    Raises:
        InvalidParameterError: A photograph is named by a relative path, the results would lie among the photographs,
            or the folder of results was made with another number of shards.
    """
    values, out = command.values, Path(command.values["out"])
    if (values["shard_index"], values["shard_count"]) != (0, 1):
        raise InvalidParameterError("Give --shard-count before `segment`; the shards' indices are Ray's business.")
    for photo in values["photos"]:
        if photo == STANDARD_INPUT or not Path(photo).is_absolute():
            raise InvalidParameterError(f"{photo} is no absolute path; every worker must find the photographs there.")
        if out.is_relative_to(_folder_of(photo)):  # a shard leaves out its own results, not the others'
            raise InvalidParameterError(f"{out} lies in {photo}; choose an --out folder apart from the photographs.")
    _require_same_count(out, count)
    return tuple(
        Shard(
            f"shard-{index}",
            command.words(out=out / f"shard-{index}", shard_index=index, shard_count=count, output=OutputFormat.QUIET),
        )
        for index in range(count)
    )


def _folder_of(photo: str) -> Path:
    """Return the folder that is looked through; of a pattern, the part before its first wildcard."""
    fixed, *wild = _WILDCARD.split(photo, maxsplit=1)
    return Path(fixed.rpartition("/")[0] or "/") if wild else Path(photo)


def _require_same_count(out: Path, count: int) -> None:
    for index, folder in _folders(out):
        other = index >= count or any(shard_of(entry.name, count) != index for entry in read_entries(folder))
        if other:
            raise InvalidParameterError(
                f"{folder.name} was made with another --shard-count than {count}; take that one, or another --out."
            )


def _folders(out: Path) -> Iterator[tuple[int, Path]]:
    """Return the shards' folders that a run has written to."""
    for folder in sorted(out.glob("shard-*")):
        match = _FOLDER.fullmatch(folder.name)
        if match and (folder / MANIFEST_NAME).is_file():
            yield int(match[1]), folder
