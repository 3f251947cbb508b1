"""The documentation's table of settings is the one of the code."""

from __future__ import annotations

from pathlib import Path

from wrinkle_server.settings.table import page_with_table

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operations.md"


def test_page_has_the_settings_of_today() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page_with_table(page) == page, "run: python -m wrinkle_server.settings.table docs/operations.md"
