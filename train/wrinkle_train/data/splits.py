"""Which picture is trained on, which chooses, which is tested on: lists of ids, one a line.

Paper 1 splits 9:1, paper 2 80/10/10. The ids of paper 2's N=40 subset (Table 3, 5 %) are unknown, so a seed stands for
them and several should be reported. Ids of validation and test never take part in pretraining.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from wrinkle_core.errors import ContractError, InvalidParameterError

__all__ = ["PAPER_1_SHARES", "PAPER_2_SHARES", "Splits", "read_ids", "split_ids", "subset_ids", "without", "write_ids"]

PAPER_1_SHARES: Final = (0.9, 0.0, 0.1)  # the paper has no validation part
PAPER_2_SHARES: Final = (0.8, 0.1, 0.1)


@dataclass(frozen=True, slots=True)
class Splits:
    """Three lists of ids without a common member, each sorted."""

    train: tuple[str, ...]
    val: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        every = [*self.train, *self.val, *self.test]
        if len(set(every)) < len(every):
            twice = next(name for name in every if every.count(name) > 1)
            raise ContractError(f"{twice} is in two of the lists train, val and test; keep it in one.")


def read_ids(path: Path) -> tuple[str, ...]:
    """Read a list of ids, one a line; empty lines are passed over.

    Raises:
        ContractError: The file is missing, empty, not text, or names an id twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        raise ContractError(f"The list {path.name} is missing or no text; it should hold one id a line.") from None
    ids = tuple(line.strip() for line in lines if line.strip())
    if not ids:
        raise ContractError(f"The list {path.name} is empty; it should hold one id a line.")
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise ContractError(f"The list {path.name} names {twice} twice; remove one.")
    return ids


def write_ids(path: Path, ids: Iterable[str]) -> None:
    """Write a list that ``read_ids`` reads; an empty one is written too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")


def split_ids(ids: Iterable[str], shares: tuple[float, float, float], seed: int) -> Splits:
    """Divide ids at random.

    Args:
        ids: In any order; the result does not depend on it.
        shares: Train, validation and test, together 1; rounding goes to the training part.
        seed: Decides.

    Raises:
        InvalidParameterError: The shares are negative or do not add up to 1.
        ContractError: A part with a share would be empty.
    """
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise InvalidParameterError(f"Shares must be 0 or more and add up to 1, got {shares}.")
    names = sorted(set(ids))
    order = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    n_val, n_test = (round(len(names) * share) for share in shares[1:])
    val, test, train = order[:n_val], order[n_val : n_val + n_test], order[n_val + n_test :]
    for part, share in zip((train, val, test), shares, strict=True):
        if share and not part:
            raise ContractError(f"{len(names)} pictures cannot be split {shares}: a part is empty. Add pictures.")
    return Splits(*(tuple(sorted(part)) for part in (train, val, test)))


def subset_ids(ids: Iterable[str], count: int, seed: int) -> tuple[str, ...]:
    """Return ``count`` of the ids at random, sorted; Table 3's small regime is 40 of the training ids.

    Raises:
        ContractError: There are not so many.
    """
    names = sorted(set(ids))
    if not 1 <= count <= len(names):
        raise ContractError(f"{count} of {len(names)} ids cannot be chosen; ask for 1 to {len(names)}.")
    chosen = np.random.default_rng(seed).choice(len(names), count, replace=False)
    return tuple(names[i] for i in sorted(chosen))


def without(pool: Iterable[str], *removed: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of ``pool``, in order, that are in none of ``removed``: validation and test ids, for pretraining.

    Raises:
        ContractError: Nothing is left.
    """
    taken = {name for names in removed for name in names}
    left = tuple(name for name in pool if name not in taken)
    if not left:
        raise ContractError("No picture is left to pretrain on once validation and test ids are out; add pictures.")
    return left
