"""What runs where, and fixtures for every folder: photographs from PyPI packages, and ../shared/data where it is."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import skimage.data
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from wrinkle_core.assets import fetch_assets
from wrinkle_core.landmarks import FaceLandmarker

pytest_plugins = (
    "counted_retries",
    "figures",
    "live_server",
    "supervised_server",
)

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
DESELECTED_UNLESS_ASKED = ("slow", "gpu")
LONGEST_FOLDERS = ("train", "export")  # begun last, they would keep one worker busy after the others
_MISSING_PROGRAMS = pytest.StashKey[set[str]]()

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_configure() -> None:
    """Let tests send Ctrl-C, and share the cores among workers.

    A shell that runs the suite in the background starts it, and its children, deaf to Ctrl-C.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):  # more threads than cores spin against each other
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect slow and GPU tests unless -m names them, and those that need what is not here (never in CI).

    The longest folders go first.
    """
    expression = str(config.getoption("-m"))
    marks = [mark for mark in DESELECTED_UNLESS_ASKED if mark not in expression]
    if not SHARED_DATA.is_dir():
        if os.environ.get("WRINKLE_REQUIRE_SHARED_DATA") == "1":
            raise pytest.UsageError("CI needs the shared data folder beside the repository.")
        marks.append("shared_data")
    asked = [item for item in items if not any(item.get_closest_marker(mark) for mark in marks)]
    missing = {program for item in asked for program in _programs(item) if shutil.which(program) is None}
    if missing and os.environ.get("WRINKLE_REQUIRE_PROGRAMS") == "1":
        raise pytest.UsageError(f"CI needs {', '.join(sorted(missing))}; .ci/system-packages installs them.")
    kept = {id(item) for item in asked if missing.isdisjoint(_programs(item))}
    deselected = [item for item in items if id(item) not in kept]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if id(item) in kept]
    items.sort(key=lambda item: item.path.relative_to(TESTS).parts[0] not in LONGEST_FOLDERS)
    config.stash[_MISSING_PROGRAMS] = missing


def pytest_report_header() -> str:
    """Say whether the shared data is there."""
    return f"shared data: {'found' if SHARED_DATA.is_dir() else 'missing, tests marked shared_data are deselected'}"


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    """Name the programs whose tests are deselected because they are not installed."""
    missing = config.stash.get(_MISSING_PROGRAMS, None)
    return f"not installed, their tests are deselected: {', '.join(sorted(missing))}" if missing else None


def _programs(item: pytest.Item) -> set[str]:
    return {str(mark.args[0]) for mark in item.iter_markers("needs")}


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
