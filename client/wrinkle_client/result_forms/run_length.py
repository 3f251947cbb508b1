"""COCO's compressed run-length encoding of a mask.

Runs of equal pixels down the columns, the first one of zeros; from the fourth run on the difference to the run two
before; each number in groups of five bits, least significant first, bit 5 set when more follow, as characters from 48.

Source: pycocotools, ``common/maskApi.c``, ``rleEncode`` and ``rleToString``.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

__all__ = ["RunLengthEncoding", "encode"]


class RunLengthEncoding(TypedDict):
    """A mask as COCO writes it: ``size`` is height and width, ``counts`` the compressed runs."""

    size: list[int]
    counts: str


def encode(mask: NDArray[np.uint8]) -> RunLengthEncoding:
    """Return the encoding of an (H, W) mask in {0, 1}."""
    height, width = mask.shape
    counts = _runs(mask)
    differences = counts.copy()
    differences[3:] -= counts[1:-2]
    return {"size": [height, width], "counts": "".join(map(_characters, differences.tolist()))}


def _runs(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the lengths of the runs down the columns, zeros first; the first one may be 0."""
    pixels = mask.ravel(order="F") != 0
    changes = np.flatnonzero(np.diff(pixels, prepend=False)) if pixels.size else np.zeros(0, np.int64)
    return np.diff(changes, prepend=0, append=pixels.size)


def _characters(number: int) -> str:
    characters = []
    while True:
        group, number = number & 0x1F, number >> 5
        more = number != (-1 if group & 0x10 else 0)
        characters.append(chr(48 + (group | 0x20 if more else group)))
        if not more:
            return "".join(characters)
