"""The reference has an entry for every public name, and building it warns of nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import wrinkle_client
import wrinkle_client.testing

BUILD = Path(__file__).resolve().parents[2] / "docs" / "api" / "build.py"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(BUILD), str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.mark.parametrize("module", [wrinkle_client, wrinkle_client.testing], ids=lambda module: str(module.__name__))
def test_every_public_name_and_method_has_an_entry(reference: Path, module: ModuleType) -> None:
    page = (reference / f"{module.__name__.replace('.', '/')}.html").read_text(encoding="utf-8")
    entries = set(re.findall(r'id="([^"]+)"', page))
    wanted = set(module.__all__)
    for name in module.__all__:
        thing = getattr(module, name)
        if isinstance(thing, type):
            wanted |= {f"{name}.{member}" for member in vars(thing) if not member.startswith("_")}
    assert wanted - entries == set()
    assert len(wanted) > 2 * len(module.__all__)


def test_options_and_errors_of_a_method_are_told(reference: Path) -> None:
    page = (reference / "wrinkle_client.html").read_text(encoding="utf-8")
    entry = page.split('id="Client.segment"', 1)[1].split('id="Client.segment_many"', 1)[0]
    for told in ("threshold", "skin_mask", "NoFaceError", "DeadlineExceededError"):
        assert told in entry
