"""Attributes of the people in the pictures, from a user's CSV, to print figures per subgroup.

The table needs a column ``id``; every other column is an attribute, such as ``age``, ``sex`` or ``skin_tone``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ContractError, InvalidParameterError

__all__ = ["AGE_BANDS", "NOT_STATED", "Attributes", "read_attributes"]

AGE_BANDS: Final = (0.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 120.0)  # years; a band holds its lower edge
NOT_STATED: Final = "not stated"
_ID: Final = "id"


@dataclass(frozen=True, slots=True)
class Attributes:
    """A table of attributes.

    Attributes:
        columns: Names of the attributes.
        values: Per id, its attribute texts by column; an empty text is not stated.
    """

    columns: tuple[str, ...]
    values: Mapping[str, Mapping[str, str]]

    def groups(
        self, column: str, ids: Iterable[str], *, bands: Sequence[float] | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Return ids by what the table says of them; sorted, those without a statement last.

        Args:
            column: An attribute.
            ids: The pictures to group.
            bands: Edges, rising; numbers are then grouped as half-open intervals such as ``20 to <30``. None
                groups equal texts.

        Raises:
            InvalidParameterError: No such column, or the edges do not rise.
            ContractError: A text is no number or lies in no band.
        """
        if column not in self.columns:
            raise InvalidParameterError(f"There is no attribute {column!r}; the table has {', '.join(self.columns)}.")
        if bands is not None and (len(bands) < 2 or any(low >= high for low, high in pairwise(bands))):
            raise InvalidParameterError(f"Bands need two or more rising edges, got {tuple(bands)}.")
        found: dict[tuple[float, str], list[str]] = {}
        for name in ids:
            text = self.values.get(name, {}).get(column, "").strip()
            found.setdefault(_group(text, bands, column, name), []).append(name)
        return {label: tuple(found[order, label]) for order, label in sorted(found)}


def read_attributes(path: Path) -> Attributes:
    """Read a table of attributes.

    Raises:
        ContractError: The file is missing, not UTF-8, has no column ``id`` or no other, or names an id twice.
    """
    values: dict[str, dict[str, str]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns = tuple(name for name in reader.fieldnames or () if name != _ID)
            if not columns or len(columns) == len(reader.fieldnames or ()):
                raise ContractError(f"{path.name} needs a column {_ID!r} and one for each attribute.")
            for row in reader:
                name = row[_ID].strip()
                if not name or name in values:
                    problem = f"names {name} twice" if name else "has no id"
                    raise ContractError(f"{path.name}, line {reader.line_num} {problem}; right that line.")
                values[name] = {column: row[column] for column in columns}
    except (OSError, UnicodeDecodeError, csv.Error):
        raise ContractError(f"{path.name} is missing or no CSV in UTF-8; give a table with a column {_ID!r}.") from None
    return Attributes(columns, values)


def _group(text: str, bands: Sequence[float] | None, column: str, name: str) -> tuple[float, str]:
    """Return where a group stands in the order, and its label."""
    if not text:
        return float("inf"), NOT_STATED
    if bands is None:
        return 0.0, text
    try:
        value = float(text)
    except ValueError:
        raise ContractError(f"{column} of {name} is {text!r}, not a number; right it or group without bands.") from None
    for low, high in pairwise(bands):
        if low <= value < high:
            return low, f"{low:g} to <{high:g}"
    raise ContractError(f"{column} of {name} is {text}, outside {bands[0]:g} to {bands[-1]:g}; right it.")
