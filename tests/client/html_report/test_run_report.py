"""What ``wrinkle view`` writes, read as a file."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client import ArtifactError
from wrinkle_client.exit_codes import ExitCode
from wrinkle_client.html_report.run_report import write_run_report
from wrinkle_command import run_wrinkle
from written_runs import write_run


def test_hostile_names_are_text_on_the_page(tmp_path: Path) -> None:
    names = [
        "<script>alert(1)</script>.jpg",
        '"><img src=x onerror=alert(2)>.jpg',
        "</script><u>.jpg",
        "\x1b[31mred.jpg",
    ]
    failed = ["<i>failed</i>.jpg", "\udcff.jpg"]
    page = write_run_report(write_run(tmp_path / "<u>run", names, failed=failed)).read_text(encoding="utf-8")
    for tag in ("<script>alert", "<img src=x", "<u>", "<i>failed", "\x1b"):
        assert tag not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.jpg" in page
    assert page.count("<script") == page.count("</script") == 2


def test_pictures_whose_names_are_no_valid_unicode_are_linked_by_their_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_run(folder, ["caf\udce9.jpg"], stems=["caf\udce9"])
    page = write_run_report(folder).read_text(encoding="utf-8")
    assert "caf%E9-overlay.png" in page
    assert (folder / "report-files" / "caf\udce9-overlay.webp").is_file()


def test_the_page_names_no_address_and_allows_only_its_own_code(tmp_path: Path) -> None:
    page = write_run_report(write_run(tmp_path / "run", ["a.jpg"])).read_text(encoding="utf-8")
    assert re.findall(r"(?:https?:)?//[\w.]+", page) == []
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\s(?:style|on\w+)=", page)


def test_originals_come_only_when_asked_for_shrunk_and_without_metadata(
    tmp_path: Path, astronaut_rgb: NDArray[np.uint8]
) -> None:
    folder = write_run(tmp_path / "run", ["a.jpg", "b.jpg"])
    original = tmp_path / "originals" / "photo0.png"
    original.parent.mkdir()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.fromarray(np.tile(astronaut_rgb, (4, 4, 1))).save(original, exif=exif)
    assert "Original" not in write_run_report(folder).read_text(encoding="utf-8")
    assert not list(folder.rglob("*original*"))
    page = write_run_report(folder, include_originals=True).read_text(encoding="utf-8")
    assert "The original is not where it was" in page  # b.jpg's
    large = folder / "report-files" / "photo0-original-large.webp"
    with Image.open(large) as image:
        assert max(image.size) == 1600
        assert dict(image.getexif()) == {}
    assert b"taken at home" not in large.read_bytes()
    write_run_report(folder)
    assert not list(folder.rglob("*original*"))


def test_only_this_user_can_read_the_page_and_its_pictures(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", ["a.jpg"])
    page = write_run_report(folder)
    pictures = list((folder / "report-files").iterdir())
    assert {path.stat().st_mode & 0o777 for path in (page, *pictures)} == {0o600}
    assert (folder / "report-files").stat().st_mode & 0o777 == 0o700


def test_small_pictures_are_made_again_only_when_theirs_changed(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", ["a.jpg", "b.jpg"])
    write_run_report(folder)
    kept, renewed = (folder / "report-files" / f"photo{number}-overlay.webp" for number in (0, 1))
    first = {path: path.stat().st_mtime_ns for path in (kept, renewed)}
    changed_ns = first[renewed] + 10**9
    os.utime(folder / "photo1-overlay.png", ns=(changed_ns, changed_ns))
    write_run_report(folder)
    assert kept.stat().st_mtime_ns == first[kept]
    assert renewed.stat().st_mtime_ns != first[renewed]


def test_a_missing_or_damaged_picture_is_said_on_its_card(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", ["a.jpg", "b.jpg"])
    (folder / "photo0-overlay.png").unlink()
    (folder / "photo1-mask.png").write_bytes(b"no picture")
    page = write_run_report(folder).read_text(encoding="utf-8")
    assert "The overlay is gone or damaged" in page
    assert "The mask is gone or damaged" in page


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no run"):
        write_run_report(tmp_path)
    with pytest.raises(ArtifactError, match="no photograph yet"):
        write_run_report(write_run(tmp_path / "run", []))


def test_the_command_writes_the_page_and_says_where(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", ["a.jpg"], failed=["wall.jpg"])
    done = run_wrinkle("view", folder, "--no-open")
    assert (done.returncode, done.stdout) == (ExitCode.OK, f"{folder / 'report.html'}\n")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "No face was found. Send another photograph." in page
    opened = run_wrinkle("view", folder, environment={"BROWSER": "echo open %s"})
    assert f"open {(folder / 'report.html').as_uri()}" in opened.stdout
    assert run_wrinkle("view", tmp_path, "--no-open").returncode == ExitCode.ENVIRONMENT
