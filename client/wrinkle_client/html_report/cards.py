"""What the page shows of each photograph, made from the run's manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wrinkle_client.batch_run.entry import Entry, Figures
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.figure_columns import FIGURE_COLUMNS, region_label
from wrinkle_client.html_report.pages import link
from wrinkle_client.html_report.pictures import shrink_photograph, shrink_result
from wrinkle_core.errors import WrinkleError

__all__ = ["PICTURES_FOLDER", "Card", "Picture", "make_cards"]

PICTURES_FOLDER: Final = "report-files"
_LABELS: Final = {
    "contour": "Lines",
    "heat": "Heat",
    "side-by-side": "Side by side",
    "mask": "Mask",
    "probability": "Probability",
    "original": "Original",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One way to look at a photograph: its kind, its name on the page, and the addresses of both sizes."""

    kind: str
    label: str
    small: str
    large: str


@dataclass(frozen=True, slots=True)
class Card:
    """A segmented photograph on the page.

    Attributes:
        name: As shown.
        pictures: Ways to look at it, the overlay first; empty when the files are gone.
        figures: Its figures.
        problem: Why a picture is missing, for a person; empty when none is.
    """

    name: str
    pictures: tuple[Picture, ...]
    figures: Figures
    problem: str

    def data(self) -> dict[str, Any]:
        """Return what the page's script needs."""
        figures = self.figures
        rows = [
            [region_label(region.name), *(column.text(column.value(region)) for column in FIGURE_COLUMNS)]
            for region in (figures.whole_face, *figures.regions)
        ]
        return {
            "name": self.name,
            "size": f"{figures.image_width_px} x {figures.image_height_px} px",
            "pictures": {one.kind: {"small": one.small, "large": one.large} for one in self.pictures},
            "rows": rows,
            "values": {column.key: column.value(figures.whole_face) for column in FIGURE_COLUMNS},
            "warnings": [[printable(one.code), printable(one.message)] for one in figures.warnings],
        }


def make_cards(
    entries: Sequence[Entry], folder: Path, *, include_originals: bool, advance: Callable[[], None]
) -> list[Card]:
    """Return one card per segmented photograph, in order, and write small copies of its pictures.

    Args:
        entries: Of the run.
        folder: The run's folder.
        include_originals: Also copy the photographs themselves, shrunk.
        advance: Called as each card is made.
    """

    def make(entry: Entry, figures: Figures) -> Card:
        pictures: list[Picture] = []
        problems: list[str] = []
        for found in _pictures(entry, folder, include_originals):
            if isinstance(found, Picture):
                pictures.append(found)
            else:
                problems.append(found)
        advance()
        return Card(printable(entry.name), tuple(pictures), figures, " ".join(problems))

    done = [(entry, entry.figures) for entry in entries if entry.figures is not None]
    with ThreadPoolExecutor(4, "shrink") as threads:
        return list(threads.map(lambda pair: make(*pair), done))


def _pictures(entry: Entry, folder: Path, include_originals: bool) -> Iterator[Picture | str]:
    """Yield the pictures of a photograph, or in words why one is missing."""
    for kind, name in (("overlay", entry.options.overlay), ("mask", "mask"), ("probability", "probability")):
        path = entry.file(kind)
        if path is None:
            continue
        small = f"{PICTURES_FOLDER}/{entry.stem}-{kind}.webp"
        try:
            shrink_result(folder / path, folder / small)
        except (OSError, ValueError, SyntaxError):
            yield f"The {kind} is gone or damaged; run `wrinkle segment` again."
        else:
            yield Picture(name, _LABELS.get(name, printable(name)), link(small), link(path))
    if include_originals:
        yield _original(entry, folder)
    else:  # an earlier report may have copied them
        for copy in _original_copies(entry):
            (folder / copy).unlink(missing_ok=True)


def _original_copies(entry: Entry) -> tuple[str, str]:
    small, large = (f"{PICTURES_FOLDER}/{entry.stem}-original{size}.webp" for size in ("", "-large"))
    return small, large


def _original(entry: Entry, folder: Path) -> Picture | str:
    if entry.source is None:
        return "The original was no file."
    small, large = _original_copies(entry)
    try:
        shrink_photograph(folder / entry.source, folder / small, folder / large)
    except (OSError, WrinkleError):
        return "The original is not where it was when it was segmented."
    return Picture("original", _LABELS["original"], link(small), link(large))
