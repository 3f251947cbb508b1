"""The tables and the picture of docs/scaling.md are those that its commands make today."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_scaling.page import PICTURE, TABLES, draw_picture, tables_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
QUICK = ("targets-flash-crowd", "assumptions", "fleets")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in TABLES]
)
def test_a_table_is_current(name: str) -> None:
    tables = tables_of(PAGE.read_text(encoding="utf-8"))
    assert tables[name] == TABLES[name](), "run: python -m wrinkle_scaling.page --write docs/scaling.md"


def test_the_page_has_every_table() -> None:
    assert tables_of(PAGE.read_text(encoding="utf-8")).keys() == TABLES.keys()


@pytest.mark.slow
def test_the_picture_is_current(tmp_path: Path) -> None:
    draw_picture(tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").read_bytes() == (PAGE.parent / PICTURE).read_bytes(), "run: make scaling-page"
