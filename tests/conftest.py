"""Fixtures for every folder of tests: photographs that ship in PyPI packages, and ../shared/data where it is."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from wrinkle_core.assets import fetch_assets
from wrinkle_core.landmarks import FaceLandmarker

pytest_plugins = (
    "live_server",
    "supervised_server",
)

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
DESELECTED_UNLESS_ASKED = ("slow", "gpu")


def pytest_configure() -> None:
    """Let tests send Ctrl-C: a shell that runs the suite in the background starts it, and its children, deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect slow and GPU tests unless -m names them, and shared-data tests without that folder (never in CI)."""
    expression = str(config.getoption("-m"))
    marks = [mark for mark in DESELECTED_UNLESS_ASKED if mark not in expression]
    if not SHARED_DATA.is_dir():
        if os.environ.get("WRINKLE_REQUIRE_SHARED_DATA") == "1":
            raise pytest.UsageError("CI needs the shared data folder beside the repository.")
        marks.append("shared_data")
    deselected = [item for item in items if any(item.get_closest_marker(mark) for mark in marks)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        gone = set(map(id, deselected))
        items[:] = [item for item in items if id(item) not in gone]


def pytest_report_header() -> str:
    """Say whether the shared data is there."""
    return f"shared data: {'found' if SHARED_DATA.is_dir() else 'missing, tests marked shared_data are deselected'}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of CC0 faces and wrinkle masks."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def face_landmarker() -> FaceLandmarker:
    """Return one landmarker for the whole session; the networks are fetched when they are not there yet."""
    return FaceLandmarker(fetch_assets())


@pytest.fixture(scope="session")
def astronaut_rgb() -> NDArray[np.uint8]:
    """Return scikit-image's astronaut, (512, 512, 3)."""
    return np.asarray(skimage.data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def astronaut_landmarks_xy(face_landmarker: FaceLandmarker, astronaut_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the astronaut's 468 landmarks."""
    return face_landmarker.find(astronaut_rgb).landmarks_xyz[:, :2]


@pytest.fixture(scope="session")
def grace_hopper_jpeg() -> bytes:
    """Return matplotlib's picture of Grace Hopper, an encoded JPEG of 512 x 600."""
    return Path(get_sample_data("grace_hopper.jpg", asfileobj=False)).read_bytes()
