"""Where the figures of docs/reliability.md come from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture(scope="session")
def photo_file(grace_hopper_jpeg: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the portrait that load generators send."""
    path = tmp_path_factory.mktemp("photo") / "grace_hopper.jpg"
    path.write_bytes(grace_hopper_jpeg)
    return path
