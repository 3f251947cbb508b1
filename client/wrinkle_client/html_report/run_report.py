"""``report.html``: a run to look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from wrinkle_client.batch_run.entry import Entry
from wrinkle_client.batch_run.manifest import read_entries
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.figure_columns import FIGURE_COLUMNS, FigureColumn
from wrinkle_client.html_report.cards import Card, make_cards
from wrinkle_client.html_report.histogram import make_histogram
from wrinkle_client.html_report.pages import render_page
from wrinkle_client.result_forms.saving import write_atomically
from wrinkle_core.errors import ArtifactError

__all__ = ["REPORT_NAME", "write_run_report"]

REPORT_NAME: Final = "report.html"
_MESSAGES_PER_CODE: Final = 3
_NAMES_PER_CODE: Final = 200


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The photographs that failed for one reason: code, distinct messages, which say what to do, and names."""

    code: str
    messages: tuple[str, ...]
    names: tuple[str, ...]
    count: int


def write_run_report(
    folder: Path, *, include_originals: bool = False, advance: Callable[[], None] = lambda: None
) -> Path:
    """Write ``report.html`` into a run's folder, small pictures beside it, and return its path.

    Args:
        folder: Where ``wrinkle segment`` wrote.
        include_originals: Also copy the photographs, shrunk and without metadata, into the report.
        advance: Called once per segmented photograph.

    Raises:
        ArtifactError: There is no run in the folder, or nothing in it.
        OSError: The folder cannot be written.
    """
    entries = sorted(read_entries(folder), key=lambda entry: _by_number(entry.name))
    if not entries:
        raise ArtifactError(f"The run in {folder} has no photograph yet; `wrinkle segment` adds them.")
    cards = make_cards(entries, folder, include_originals=include_originals, advance=advance)
    page = render_page(
        "run.html.j2",
        "gallery.js",
        title=printable(folder.resolve().name),
        facts=_facts(entries, cards),
        cards=cards,
        data=[card.data() for card in cards],
        columns=FIGURE_COLUMNS,
        histograms=[(column, make_histogram(_values(cards, column), column.digits)) for column in FIGURE_COLUMNS[:2]],
        failures=_failures(entries),
        photographs=len(entries),
        with_warnings=sum(bool(card.figures.warnings) for card in cards),
        views=_views(cards),
        include_originals=include_originals,
        program=f"wrinkle {version('wrinkle-serving')}",
    )
    return write_atomically(folder / REPORT_NAME, page)


def _by_number(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts ``photo 9`` before ``photo 10``."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (-1, part) for part in parts]


def _facts(entries: Sequence[Entry], cards: Sequence[Card]) -> list[tuple[str, str]]:
    """Return what made the results, each with all its values where photographs differ."""

    def each(values: Sequence[object]) -> str:
        return printable(", ".join(sorted({str(value) for value in values}))) or "-"

    return [
        ("Model", each([entry.options.model for entry in entries])),
        ("Version", each([card.figures.model_version for card in cards])),
        ("Threshold", each([f"{card.figures.threshold:.2f}" for card in cards])),
        ("Contract", each([card.figures.contract_version for card in cards])),
    ]


def _failures(entries: Sequence[Entry]) -> list[FailureGroup]:
    by_code: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.failure is not None:
            by_code.setdefault(entry.failure.code, []).append(entry)
    groups = []
    for code, failed in sorted(by_code.items(), key=lambda item: -len(item[1])):
        messages = dict.fromkeys(printable(entry.failure.message) for entry in failed if entry.failure)
        names = tuple(printable(entry.name) for entry in failed)
        groups.append(
            FailureGroup(printable(code), tuple(messages)[:_MESSAGES_PER_CODE], names[:_NAMES_PER_CODE], len(names))
        )
    return groups


def _values(cards: Sequence[Card], column: FigureColumn) -> list[float]:
    values = (column.value(card.figures.whole_face) for card in cards)
    return [value for value in values if value is not None]


def _views(cards: Sequence[Card]) -> list[tuple[str, str]]:
    """Return the ways to look at photographs that any of them has, in order of first appearance."""
    return list(dict.fromkeys((one.kind, one.label) for card in cards for one in card.pictures))
