"""A photograph for load generators."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def photo_file(grace_hopper_jpeg: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the portrait that load generators send."""
    path = tmp_path_factory.mktemp("photo") / "grace_hopper.jpg"
    path.write_bytes(grace_hopper_jpeg)
    return path
