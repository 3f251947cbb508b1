"""The manifest as a file: appended whole, repaired when torn, locked, never trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wrinkle_client import ArtifactError, InvalidParameterError
from wrinkle_client.batch_run.entry import Entry, Failure, RunOptions, WrittenFile
from wrinkle_client.batch_run.manifest import MANIFEST_NAME, Manifest, read_entries
from wrinkle_client.batch_run.photographs import Photograph
from wrinkle_client.batch_run.plan import make_plan
from wrinkle_client.batch_run.summary import write_summary
from wrinkle_client.html_report.run_report import write_run_report

OPTIONS = RunOptions("unetpp", None, False, "contour")


def failed(name: str, *, retryable: bool = False) -> Entry:
    return Entry(name, name, "1 bytes", None, OPTIONS, failure=Failure("NO_FACE", "No face.", retryable))


def write(folder: Path, *entries: Entry) -> Path:
    with Manifest(folder) as manifest:
        for entry in entries:
            manifest.append(entry)
    return folder / MANIFEST_NAME


def photograph(name: str) -> Photograph:
    return Photograph(name, name, "1 bytes", None, lambda: b"")


def test_what_is_appended_is_read_back_and_the_last_line_of_a_name_counts(tmp_path: Path) -> None:
    write(tmp_path, failed("a", retryable=True), failed("b"))
    path = write(tmp_path, failed("a"))
    assert read_entries(tmp_path) == [failed("a"), failed("b")]
    assert path.read_bytes().count(b"\n") == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_photograph_whose_files_another_has_replaced_is_forgotten(tmp_path: Path) -> None:
    files = (WrittenFile("mask", "face-mask.png", 1),)
    first, second = (replace(failed(name), stem="face", files=files) for name in ("face.jpg", "face.png"))
    without_files = replace(failed("face.bmp"), stem="face")
    moved = replace(first, stem="face-2")
    write(tmp_path, first, failed("other"), second, without_files)
    assert read_entries(tmp_path) == [failed("other"), second, without_files]
    write(tmp_path, moved, second)
    assert read_entries(tmp_path) == [failed("other"), second, without_files, moved]
    with Manifest(tmp_path) as manifest:
        assert list(manifest.entries.values()) == read_entries(tmp_path)


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_last_line_is_cut_off_and_the_run_goes_on(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path, failed("a"), failed("b"))
    whole, torn = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole + torn[:kept])
    assert read_entries(tmp_path) == [failed("a")]
    with Manifest(tmp_path) as manifest:
        assert list(manifest.entries) == ["a"]
        manifest.append(failed("b"))
    assert path.read_bytes() == whole + torn


@pytest.mark.parametrize(
    "change",
    [
        {"stem": "../../etc/passwd"},
        {"stem": "/etc/passwd"},
        {"files": [{"kind": "mask", "path": "..\\mask.png", "size_bytes": 1}]},
        {"options": {"model": "unetpp"}},
        {"manifest_format": 2},
        {"failure": None},
        {"figures": {"threshold": float("nan")}},
    ],
)
def test_a_damaged_or_hostile_line_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(failed("a").to_document() | change) + "\n")
    with pytest.raises(ArtifactError, match="manifest"):
        read_entries(tmp_path)
    with pytest.raises(ArtifactError, match="manifest"), Manifest(tmp_path):
        pass


def test_values_of_a_wrong_type_are_shown_as_text(tmp_path: Path) -> None:
    document = failed("a").to_document()
    document["failure"]["message"] = 7
    document["options"]["overlay"] = 8
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(document) + "\n")
    assert ">7</span>" in write_run_report(tmp_path).read_text(encoding="utf-8")


def test_a_line_without_end_is_bounded(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_bytes(b"x" * (1024 * 1024 + 2))
    with pytest.raises(ArtifactError, match="over 1048576 bytes"):
        read_entries(tmp_path)


def test_a_second_run_in_the_folder_is_refused_until_the_first_is_over_however_it_ended(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\nfrom wrinkle_client.batch_run.manifest import Manifest\n"
        "with Manifest(pathlib.Path(sys.argv[1])):\n    print('open', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(ArtifactError, match="Another run"), Manifest(tmp_path):
            pass
        process.kill()
    with Manifest(tmp_path) as manifest:
        assert manifest.entries == {}


def test_only_what_is_missing_or_worth_another_try_is_planned(tmp_path: Path) -> None:
    write(tmp_path, failed("lasting"), failed("passing", retryable=True))
    photographs = [photograph(name) for name in ("lasting", "passing", "new")]
    with Manifest(tmp_path) as manifest:
        plan = make_plan(photographs, manifest, OPTIONS, tmp_path, redo=False)
        assert [one.name for one in plan.to_do] == ["passing", "new"]
        assert plan.kept == (failed("lasting"),)
        other = RunOptions("unet_texture", 0.5, False, "contour")
        with pytest.raises(InvalidParameterError, match=r"model unetpp, now unet_texture, threshold .* now 0\.5"):
            make_plan(photographs, manifest, other, tmp_path, redo=False)
        assert len(make_plan(photographs, manifest, other, tmp_path, redo=True).to_do) == 3
    assert read_entries(tmp_path) == []


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@x"])
def test_the_summary_holds_no_formula(tmp_path: Path, name: str) -> None:
    row = write_summary(tmp_path, [failed(name)]).read_text().splitlines()[1]
    assert row.startswith(f"'{name},failed,NO_FACE")
