"""One run's photographs parted among several workers, each with an output folder of its own.

A photograph's name alone decides its shard: new photographs move no other, and no worker needs to know of the others.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from wrinkle_client.batch_run.photographs import Photograph
from wrinkle_core.errors import InvalidParameterError

__all__ = ["photographs_of_shard", "shard_of"]


def photographs_of_shard(photographs: Sequence[Photograph], index: int, count: int) -> list[Photograph]:
    """Return the photographs of one of ``count`` shards, in their order; a shard may be empty.

    Args:
        photographs: All that were found.
        index: Of the shard, from 0.
        count: Shards in all, at least 1.

    Raises:
        InvalidParameterError: There is no such shard.
    """
    if not 0 <= index < count:
        raise InvalidParameterError(f"There is no shard {index} of {count}; shards are numbered from 0 to {count - 1}.")
    return [photograph for photograph in photographs if shard_of(photograph.name, count) == index]


def shard_of(name: str, count: int) -> int:
    """Return the shard, from 0, of the photograph with a name."""
    # As bytes of the file system: a name need not be valid Unicode.
    return zlib.crc32(name.encode("utf-8", "surrogateescape")) % count
