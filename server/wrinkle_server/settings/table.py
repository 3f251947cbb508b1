"""The table of settings in docs/operations.md, made from the fields.

``python -m wrinkle_server.settings.table docs/operations.md`` writes it anew; a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo

from wrinkle_server.settings.fields import field_by_key, flags_of
from wrinkle_server.settings.options import default_text
from wrinkle_server.settings.sources import environment_name

__all__ = ["page_with_table", "settings_table"]

_BEGIN: Final = "<!-- settings: made by python -m wrinkle_server.settings.table -->\n"
_END: Final = "<!-- end of settings -->\n"


def settings_table() -> str:
    """Return the table in Markdown, one row per setting."""
    head = "| flag | environment | YAML | default | meaning |\n|---|---|---|---|---|\n"
    return head + "".join(_row(key, field) for key, field in field_by_key().items())


def page_with_table(page: str) -> str:
    """Return a page whose table, between its two marks, is of today.

    Raises:
        ValueError: The page has no marks.
    """
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}{settings_table()}{_END}{after}"


def _row(key: tuple[str, ...], field: FieldInfo) -> str:
    flags = ", ".join(f"`{flag}`" for flag in flags_of(key))
    default = "" if field.default == () else default_text(field)
    name = environment_name(key)
    return f"| {flags} | `{name}` | `{'.'.join(key)}` | {default} | {field.description} |\n"


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(page_with_table(file.read_text(encoding="utf-8")), encoding="utf-8")
