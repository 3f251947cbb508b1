"""The face networks: verified, idempotent, never half-written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wrinkle_core.assets import ASSETS_DIR_VARIABLE, FaceAssets, check_assets, fetch_assets, locate_assets
from wrinkle_core.assets_command import app
from wrinkle_core.errors import ArtifactError
from wrinkle_core.landmarks import FaceLandmarker


@pytest.fixture(scope="session")
def fetched() -> FaceAssets:
    return fetch_assets()


@pytest.fixture
def unreachable_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "assets"
    monkeypatch.setenv(ASSETS_DIR_VARIABLE, str(folder))
    return folder


@pytest.fixture
def filled_folder(fetched: FaceAssets, empty_folder: Path) -> Path:
    empty_folder.mkdir()
    for file in (fetched.short_range, fetched.full_range, fetched.mesh):
        shutil.copy(file, empty_folder)
    return empty_folder


def test_missing_networks_are_an_artifact_error_that_names_the_command(empty_folder: Path) -> None:
    assert not empty_folder.exists()
    with pytest.raises(ArtifactError, match="wrinkle assets fetch"):
        locate_assets()


def test_the_environment_variable_moves_the_folder(filled_folder: Path) -> None:
    assert locate_assets().mesh.parent == filled_folder


@pytest.mark.usefixtures("unreachable_index")
def test_a_second_fetch_needs_no_network(filled_folder: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in filled_folder.iterdir()}
    fetch_assets()
    assert {file: file.stat().st_mtime_ns for file in filled_folder.iterdir()} == before


def test_a_file_cut_short_is_not_located(filled_folder: Path) -> None:
    mesh = filled_folder / "face_landmark.tflite"
    mesh.write_bytes(mesh.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"face_landmark\.tflite"):
        locate_assets()


@pytest.mark.usefixtures("unreachable_index")
def test_a_damaged_file_of_the_right_size_is_fetched_again(filled_folder: Path) -> None:
    mesh = filled_folder / "face_landmark.tflite"
    mesh.write_bytes(mesh.read_bytes()[:-1] + b"!")
    assert [file.state for file in check_assets()] == ["verified", "verified", "damaged"]
    with pytest.raises(ArtifactError, match="from-wheel"):
        fetch_assets()


def test_a_damaged_network_is_an_artifact_error_when_compiled(fetched: FaceAssets, tmp_path: Path) -> None:
    broken = tmp_path / "face_landmark.tflite"
    broken.write_bytes(b"\0" * 2_000)
    with pytest.raises(ArtifactError, match="wrinkle assets fetch --force"):
        FaceLandmarker(FaceAssets(fetched.short_range, fetched.full_range, broken))


def test_a_wheel_with_another_checksum_is_refused(empty_folder: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
    wheel.write_bytes(b"no wheel")
    with pytest.raises(ArtifactError, match="sha256"):
        fetch_assets(from_wheel=wheel)
    assert not empty_folder.exists()


def test_a_folder_that_cannot_be_written_is_an_artifact_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(ASSETS_DIR_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(ArtifactError):
        fetch_assets(timeout_s=0.001)


@pytest.mark.usefixtures("empty_folder")
def test_a_download_that_takes_too_long_is_an_artifact_error() -> None:
    with pytest.raises(ArtifactError, match=r"within 0\.001 s"):
        fetch_assets(timeout_s=0.001)


@pytest.mark.usefixtures("filled_folder")
def test_the_fetch_command_says_when_there_is_nothing_to_do() -> None:
    result = CliRunner().invoke(app, ["fetch"])
    assert result.exit_code == 0
    assert "nothing to do" in result.output


@pytest.mark.usefixtures("filled_folder")
def test_the_show_command_lists_each_network() -> None:
    result = CliRunner().invoke(app, ["show"])
    assert result.exit_code == 0
    assert result.output.count("verified") == 3


@pytest.mark.usefixtures("empty_folder")
def test_the_show_command_fails_when_a_network_is_missing() -> None:
    result = CliRunner().invoke(app, ["show"])
    assert result.exit_code == 1
    assert "missing" in result.output


@pytest.mark.slow
def test_two_processes_that_fetch_at_once_leave_verified_files(empty_folder: Path) -> None:
    command = [sys.executable, "-c", "from wrinkle_core.assets import fetch_assets; fetch_assets()"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=280) for process in both] == [0, 0]
    assert [file.state for file in check_assets()] == ["verified"] * 3
    assert len(list(empty_folder.iterdir())) == 3
