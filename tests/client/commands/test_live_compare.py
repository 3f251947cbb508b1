"""``wrinkle compare`` against the real server: a face with itself, and with a line drawn on it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from chromium import OpenPage, browser, open_page
from wrinkle_client.exit_codes import ExitCode
from wrinkle_command import run_wrinkle

pytestmark = pytest.mark.live
__all__ = ["browser", "open_page"]


@pytest.fixture
def before(astronaut_rgb: NDArray[np.uint8], tmp_path: Path) -> Path:
    path = tmp_path / "before.png"
    Image.fromarray(astronaut_rgb[:300, 80:380]).resize((900, 900), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def after(before: Path, tmp_path: Path) -> Path:
    """Return the same face turned and smaller, with a dark line drawn on its right cheek."""
    with Image.open(before) as image:
        rgb = np.array(image)
    cv2.line(rgb, (332, 350), (352, 415), (70, 50, 40), 5, cv2.LINE_AA)
    path = tmp_path / "<b>after.png"
    Image.fromarray(rgb).rotate(5, Image.Resampling.BICUBIC).resize((800, 800)).save(path)
    return path


@pytest.mark.needs("chromium")
def test_a_drawn_line_is_new_and_the_rest_is_kept(
    live_urls: dict[str, str], before: Path, after: Path, tmp_path: Path, open_page: OpenPage
) -> None:
    out = tmp_path / "out"
    done = run_wrinkle("compare", before, after, "--out", out, "--url", live_urls["grpc"], "--format", "json")
    assert done.returncode == ExitCode.OK, done.stderr
    document = json.loads(done.stdout)
    assert document == json.loads((out / "comparison.json").read_text())
    assert document["alignment_residual_iod"] < 0.03
    assert document["same_person_checked"] is False
    lines = document["lines_iod"]
    assert lines["kept"] > 3 * (lines["new"] + lines["gone"])
    assert lines["new"] > 0.25
    changes = {region["name"]: region["figures"]["line_length_iod"] for region in document["regions"]}
    assert changes["cheek_right"]["change"] > 0.15
    assert 0.05 <= changes["cheek_right"]["repeatability_limit"] < 0.6
    with Image.open(out / "change.png") as image:
        assert image.width == 1024
    opened = open_page(out / "compare.html", (390, 844), "dark")
    assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert opened.page.locator("h1").inner_text() == "before.png and <b>after.png"
    assert opened.complaints == []
    assert all(address.startswith(out.as_uri()) for address in opened.requests)


def test_a_photograph_without_a_face_ends_the_comparison(
    live_urls: dict[str, str], before: Path, tmp_path: Path
) -> None:
    wall = tmp_path / "wall.png"
    Image.new("RGB", (300, 300), (120, 130, 140)).save(wall)
    done = run_wrinkle("compare", before, wall, "--out", tmp_path / "out", "--url", live_urls["http"])
    assert done.returncode == ExitCode.SOME_FAILED
    assert done.stderr.startswith("NO_FACE: ")
    assert not (tmp_path / "out").exists()
