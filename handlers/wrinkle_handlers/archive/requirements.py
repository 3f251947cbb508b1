"""What the handler's code needs beside itself, pinned to the versions of this installation."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wrinkle_core.errors import MissingExtraError

__all__ = ["pinned_requirements"]

_OWN: Final = "wrinkle-serving"
_EXTRA: Final = "train"
_NOT_IN_A_WORKER: Final = frozenset({"lightning", "tensorboard", "torchmetrics", "tritonclient", "rich", "typer"})


def pinned_requirements() -> str:
    """Return the lines of a requirements.txt, sorted.

    Raises:
        MissingExtraError: Something of them is not installed here, so there is no version to name.
    """
    names = set(_needed(_EXTRA)) - _NOT_IN_A_WORKER
    try:
        return "".join(f"{name}=={version(name)}\n" for name in sorted(names))
    except PackageNotFoundError as error:
        raise MissingExtraError(
            f"{error.name} is not installed. Install it with: pip install 'wrinkle-serving[torchserve]'"
        ) from error


def _needed(extra: str) -> Iterator[str]:
    """Yield the distributions that wrinkle-serving asks for, with ``extra`` and the extras it stands on."""
    for line in requires(_OWN) or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not marker.evaluate({"extra": extra}):
            continue
        if canonicalize_name(requirement.name) == _OWN:
            for other in requirement.extras:
                yield from _needed(other)
        else:
            yield canonicalize_name(requirement.name)
