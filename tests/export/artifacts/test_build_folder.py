"""A build folder holds whole artifacts or none, whatever stops an export."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wrinkle_core.errors import ArtifactError
from wrinkle_export.artifacts.build_folder import MANIFEST_FILE, BuildFolder, Draft
from wrinkle_export.artifacts.manifest import FileRecord, ParityRecord, Ports, Source, digest_of

NOTHING_FOUND: tuple[ParityRecord, ...] = ()


def draft(name: str = "tiny/onnx-fp32", key: str = "a") -> Draft:
    source = Source(network="tiny", checkpoint_sha256=None, random_seed=0, recipe={}, segmenter=None)
    return Draft(name, "model.onnx", "onnx", "fp32", digest_of(key=key), source, Ports.of_network(3, 64), {}, 18)


def writes(folder: Path, content: bytes) -> tuple[ParityRecord, ...]:
    (folder / "model.onnx").write_bytes(content)
    (folder / "build.log").write_text("done", encoding="utf-8")
    return NOTHING_FOUND


def visible(build: BuildFolder) -> list[str]:
    return sorted(
        path.relative_to(build.path).as_posix()
        for path in build.path.rglob("*")
        if path.is_file() and path.name != ".lock"
    )


@pytest.fixture
def build(tmp_path: Path) -> BuildFolder:
    folder = BuildFolder(tmp_path / "build")
    folder.publish(draft(), lambda staging: writes(staging, b"first"))
    return folder


def test_an_artifact_is_in_place_with_its_main_file_first(build: BuildFolder) -> None:
    artifact = build.artifact("tiny/onnx-fp32")
    main, log = build.checked_files(artifact)
    assert (main.name, main.read_bytes(), log.name) == ("model.onnx", b"first", "build.log")
    assert build.up_to_date("tiny/onnx-fp32", draft().key) == artifact


def test_what_was_made_from_something_else_is_not_up_to_date(build: BuildFolder) -> None:
    assert build.up_to_date("tiny/onnx-fp32", draft(key="b").key) is None


def test_a_newer_artifact_takes_the_place_of_the_old_one(build: BuildFolder) -> None:
    build.publish(draft(key="b"), lambda staging: writes(staging, b"second"))
    assert build.checked_files(build.artifact("tiny/onnx-fp32"))[0].read_bytes() == b"second"
    assert len(visible(build)) == 3


def test_an_export_that_fails_leaves_everything_as_it_was(build: BuildFolder) -> None:
    before = visible(build)

    def fails(staging: Path) -> tuple[ParityRecord, ...]:
        writes(staging, b"half")
        raise ArtifactError("no")

    with pytest.raises(ArtifactError, match="no"):
        build.publish(draft(key="b"), fails)
    assert visible(build) == before
    assert build.up_to_date("tiny/onnx-fp32", draft().key)


def test_an_export_that_writes_no_main_file_is_refused(build: BuildFolder) -> None:
    with pytest.raises(ArtifactError, match=r"wrote no model\.onnx"):
        build.publish(draft(key="b"), lambda staging: NOTHING_FOUND)


PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_build_folder import draft, writes
from wrinkle_export.artifacts.build_folder import BuildFolder

def slow(staging):
    writes(staging, b"half")
    print("writing", flush=True)
    time.sleep(60)

BuildFolder(Path(sys.argv[1])).publish(draft(key="b"), slow)
"""


def test_a_killed_export_leaves_the_artifact_there_was(build: BuildFolder) -> None:
    command = [sys.executable, "-c", PROGRAM, str(build.path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "writing\n"
        os.kill(child.pid, signal.SIGKILL)
    assert build.checked_files(build.artifact("tiny/onnx-fp32"))[0].read_bytes() == b"first"
    assert list(build.manifest().artifacts) == ["tiny/onnx-fp32"]
    build.publish(draft(key="b"), lambda staging: writes(staging, b"second"))
    assert build.checked_files(build.artifact("tiny/onnx-fp32"))[0].read_bytes() == b"second"


def test_what_a_killed_export_left_behind_is_swept_up_a_day_later(build: BuildFolder) -> None:
    old, young = build.path / ".staging-old", build.path / ".staging-young"
    for folder in (old, young):
        folder.mkdir()
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    build.publish(draft(key="b"), lambda staging: writes(staging, b"second"))
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("content", [b"", b"firsT", b"first and more"])
def test_changed_bytes_are_refused(build: BuildFolder, content: bytes) -> None:
    artifact = build.artifact("tiny/onnx-fp32")
    (build.path / artifact.files[0].path).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.onnx are not those that were exported"):
        build.checked_files(artifact)


def test_a_missing_file_is_named(build: BuildFolder) -> None:
    artifact = build.artifact("tiny/onnx-fp32")
    (build.path / artifact.files[0].path).unlink()
    with pytest.raises(ArtifactError, match=r"model\.onnx is missing; export it again"):
        build.checked_files(artifact)


def test_a_missing_artifact_is_named_with_those_there_are(build: BuildFolder) -> None:
    with pytest.raises(ArtifactError, match="no 'tiny/onnx-fp16'; there is tiny/onnx-fp32"):
        build.artifact("tiny/onnx-fp16")


@pytest.mark.parametrize("content", ["{", '{"format": 2, "artifacts": {}}', '{"artifacts": {"a": {}}}'])
def test_a_damaged_manifest_is_refused(build: BuildFolder, content: str) -> None:
    (build.path / MANIFEST_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"manifest\.json of build is damaged or of another version"):
        build.manifest()


@pytest.mark.parametrize("path", ["/etc/passwd", "../model.onnx", "a/../../b", "", "a\\b"])
def test_a_manifest_cannot_point_out_of_its_folder(path: str) -> None:
    with pytest.raises(ValueError, match="inside its build folder"):
        FileRecord(path=path, sha256="0" * 64, size_bytes=0)


def test_parity_of_one_runtime_replaces_its_older_record_and_keeps_the_others(build: BuildFolder) -> None:
    def found(runtime: str, passed: bool) -> ParityRecord:
        return ParityRecord(
            runtime=runtime, passed=passed, pictures=1, figures={}, limits={}, data_sha256=digest_of(data=1)
        )

    build.record_parity("tiny/onnx-fp32", (found("a", False), found("b", True)))
    build.record_parity("tiny/onnx-fp32", (found("a", True),))
    assert {(one.runtime, one.passed) for one in build.artifact("tiny/onnx-fp32").parity} == {("a", True), ("b", True)}
    assert build.up_to_date("tiny/onnx-fp32", draft().key)
