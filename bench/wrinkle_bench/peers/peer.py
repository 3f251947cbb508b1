"""What every system in the comparison must do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contender", "Peer", "PeerAnswer"]


@dataclass(frozen=True, slots=True, eq=False)
class PeerAnswer:
    """What a peer found in a photograph.

    Attributes:
        mask: (H, W) uint8 in {0, 1}.
        probability: (H, W) in [0, 1] in steps of 1/255; None unless asked for.
    """

    mask: NDArray[np.uint8]
    probability: NDArray[np.float32] | None


class Peer(Protocol):
    """One way to get a mask out of a photograph, running."""

    def infer(self, photo: bytes, *, probability: bool = False) -> PeerAnswer:
        """Segment one encoded photograph; safe to call from several threads at once."""
        ...


@dataclass(frozen=True, slots=True)
class Contender:
    """A system that can be started.

    Attributes:
        name: Short, for tables and options.
        title: What it is.
        limits: Name of the precision's limits in ``core/wrinkle_core/parity_limits.py``.
        start: Starts it; the context ends it.
    """

    name: str
    title: str
    limits: str
    start: AbstractContextManager[Peer]
