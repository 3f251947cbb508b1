"""Pytest plugin: what a live test measures, shown to people and kept for documents."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Figures", "figures"]

Figures = Callable[..., None]


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Return a function that shows figures (``pytest -s``) and adds them to the file that $WRINKLE_FIGURES names."""

    def show(**found: Any) -> None:
        line = json.dumps({"test": request.node.name} | found)
        print(line)  # noqa: T201
        if path := os.environ.get("WRINKLE_FIGURES"):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")

    return show
