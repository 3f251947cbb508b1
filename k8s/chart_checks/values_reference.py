"""The table of values in the chart's README: names and meanings from the schema, defaults from values.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from chart_checks.rendering import CHART

__all__ = ["page_with_reference", "reference_table", "undescribed"]

_BEGIN: Final = "<!-- values: made by python -m chart_checks.generated -->\n"
_END: Final = "<!-- end of values -->\n"

Json = Mapping[str, Any]


def reference_table() -> str:
    """Return the table in Markdown, one row per value."""
    rows = [
        f"| `{path}` | {_default(default)} | {_allowed(schema)} | {schema['description']} |\n"
        for path, schema, default in _leaves(*_chart())
    ]
    return "| value | default | allowed | meaning |\n|---|---|---|---|\n" + "".join(rows)


def undescribed() -> list[str]:
    """Return values without a meaning, and schema entries without a default."""
    return [path for path, schema, default in _leaves(*_chart()) if "description" not in schema or default is _MISSING]


def page_with_reference(page: str) -> str:
    """Return a page whose table, between its two marks, is of today.

    Raises:
        ValueError: The page has no marks.
    """
    before, rest = page.split(_BEGIN)
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}{reference_table()}{_END}{after}"


_MISSING: Final = object()


def _chart() -> tuple[Json, Json]:
    schema = json.loads((CHART / "values.schema.json").read_bytes())
    values = yaml.safe_load((CHART / "values.yaml").read_bytes())
    del schema["properties"]["global"]  # helm's own
    return schema, values


def _leaves(schema: Json, values: Any, prefix: str = "") -> Iterator[tuple[str, Json, Any]]:
    for name, inner in schema["properties"].items():
        value = values.get(name, _MISSING) if isinstance(values, Mapping) else _MISSING
        path = f"{prefix}{name}"
        if "properties" in inner and value != {}:
            yield from _leaves(inner, value, f"{path}.")
        else:
            yield path, inner, value


def _default(value: Any) -> str:
    return "" if value in ("", [], {}) else f"`{json.dumps(value)}`"


def _allowed(schema: Json) -> str:
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if "minimum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}"
    items = schema.get("items", {})
    if "enum" in items:
        return "list of " + ", ".join(f"`{choice}`" for choice in items["enum"])
    return {"array": "list", "object": "map", "boolean": "true, false", "string": "text"}[schema["type"]]
