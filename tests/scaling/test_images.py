"""The image files: clean by hadolint's rules and by ours, and locked to what pyproject.toml asks for."""

from __future__ import annotations

import importlib.metadata
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

IMAGES = Path(__file__).resolve().parents[2] / "k8s" / "images"
FILES = sorted(IMAGES.glob("*.Containerfile"))
LOCKS = sorted(IMAGES.glob("requirements-*.txt"))
OF_IMAGE = runpy.run_path(str(IMAGES / "tensorrt_of_image.py"))
BUILD_TOOLS = (
    "gcc",
    "g++",
    "make",
    "python3-venv",
    "python3-pip",
    "python3-dev",
    "git",
    "curl",
    "wget",
    "build-essential",
)
ON_NVIDIA = {"server-gpu", "plans"}  # Ubuntu's Python; the others are on Debian
FEWEST_PACKAGES = {"requirements-plans": 2, "requirements-tensorrt": 1}
LINE = re.compile(r"^([a-z0-9.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}$")


def instructions(path: Path) -> list[str]:
    """Return the instructions, continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


def final_stage(path: Path) -> list[str]:
    lines = instructions(path)
    return lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]


def locked(path: Path) -> dict[str, str]:
    """Return the versions of a lock by package; every line is one with its checksum."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# Made by k8s/images/lock.py")
    found = [LINE.match(line) for line in lines[1:]]
    assert all(found), "a line without version or checksum"
    return {match[1]: match[2] for match in found if match}


def asked_for(extras: set[str], python: str) -> Iterator[Requirement]:
    """Yield what the installed project asks for with these extras, its extras of itself unfolded."""
    todo, seen = set(extras), set()
    while todo:
        extra = todo.pop()
        seen.add(extra)
        for text in importlib.metadata.requires("wrinkle-serving") or ():
            requirement = Requirement(text)
            where = {"extra": extra, "python_version": python, "sys_platform": "linux", "platform_machine": "x86_64"}
            if requirement.marker is not None and not requirement.marker.evaluate(where):
                continue
            if canonicalize_name(requirement.name) == "wrinkle-serving":
                todo |= requirement.extras - seen
            else:
                yield requirement


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--config", str(IMAGES / ".hadolint.yaml"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_would_say_something(tmp_path: Path) -> None:
    careless = tmp_path / "Containerfile"
    careless.write_text("FROM debian:latest\nRUN cd /tmp && sudo apt-get install gcc\n", encoding="utf-8")
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--config", str(IMAGES / ".hadolint.yaml"), str(careless)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "DL3007" in done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bases_are_named_by_a_digest_that_has_no_default(path: Path) -> None:
    lines = instructions(path)
    bases = [line for line in lines if line.startswith("FROM ")]
    assert len(bases) == 2
    for base in bases:
        match = re.match(r"FROM \$\{(\w+_IMAGE)\}@\$\{(\w+_DIGEST)\}", base)
        assert match, base
        assert f"ARG {match[2]}" in lines, "the digest must be asked for, without a default"
    assert ":latest" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_final_stage_runs_as_nobody_special_and_has_no_build_tools(path: Path) -> None:
    stage = final_stage(path)
    users = [line for line in stage if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]
    after_user = stage[stage.index(users[0]) + 1 :]
    assert not any(line.startswith(("RUN", "COPY", "ADD")) for line in after_user), "root's work comes before"
    installed = {word for line in stage if "apt-get install" in line for word in line.split()}
    assert not installed & set(BUILD_TOOLS)
    assert not any(" pip " in line or "pip install" in line for line in stage)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_packages_come_with_checksums_and_a_bill_of_materials(path: Path) -> None:
    text = "\n".join(instructions(path))
    installs = re.findall(r"pip install ([^&]*)", text)
    assert installs
    for words in installs:
        assert "--no-deps" in words
        assert "--require-hashes" in words or "--no-index" in words, words
    assert "sbom.cdx.json" in text
    python = "3.12" if path.stem in ON_NVIDIA else "3.11"
    for name in re.findall(r"requirements-[a-z-]+\.txt", text):
        assert (IMAGES / name) in LOCKS
        head, *_ = (IMAGES / name).read_text(encoding="utf-8").splitlines()
        assert f" for CPython {python} " in head, "a wheel of another Python has another checksum"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_folder_is_installed_into_twice(path: Path) -> None:
    targets = re.findall(r"--target (\S+)", "\n".join(instructions(path)))
    assert len(targets) == len(set(targets)), "pip skips what a target has already, bin/wrinkle among it"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_locks_hold_versions_and_checksums_and_no_addresses(path: Path) -> None:
    assert len(locked(path)) >= FEWEST_PACKAGES.get(path.stem, 11)
    assert "://" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "extras", "python", "left_out"),
    [
        ("requirements-server-cpu.txt", {"serve", "gateway"}, "3.11", set()),
        ("requirements-server-gpu.txt", {"serve", "gateway"}, "3.12", {"nvidia-pytriton"}),
        ("requirements-client.txt", {""}, "3.11", set()),
    ],
)
def test_locks_are_what_the_project_asks_for(name: str, extras: set[str], python: str, left_out: set[str]) -> None:
    versions = locked(IMAGES / name)
    asked = list(asked_for(extras, python))
    assert len(asked) >= 5
    for requirement in asked:
        package = canonicalize_name(requirement.name)
        if package in left_out:
            assert package not in versions
        else:
            assert package in versions, f"run: python k8s/images/lock.py ({package} is missing)"
            assert requirement.specifier.contains(versions[package]), f"run: python k8s/images/lock.py ({requirement})"


def test_plan_builder_adds_what_its_base_lacks_and_nothing_else() -> None:
    """Its lock is that of the GPU server's base taken from what both would be: no package comes twice."""
    base, added = locked(IMAGES / "requirements-server-gpu.txt"), locked(IMAGES / "requirements-plans.txt")
    assert not added.keys() & base.keys()
    asked = {canonicalize_name(one.name): one for one in asked_for({"export"}, "3.12")}
    for package in map(canonicalize_name, ("onnx", "onnxruntime")):
        assert asked[package].specifier.contains(added[package])


@pytest.mark.parametrize(("number", "version"), [(101601, "10.16.1"), (110100, "11.1.0"), (110400, "11.4.0")])
def test_bindings_are_those_of_the_tensorrt_in_the_image(number: int, version: str) -> None:
    def load(name: str) -> SimpleNamespace:
        if name != f"libnvinfer.so.{number // 10_000}":
            raise OSError(name)
        return SimpleNamespace(getInferLibVersion=lambda: number)

    lines = (IMAGES / "requirements-tensorrt.txt").read_text(encoding="utf-8").splitlines()
    assert OF_IMAGE["library_version"](load) == version
    assert OF_IMAGE["bindings_line"](lines, version).startswith(f"tensorrt-cu13-bindings=={version}.")


def test_image_with_an_unknown_tensorrt_or_none_builds_no_plan_builder() -> None:
    with pytest.raises(LookupError, match=r"TensorRT 10\.1\.6, for which the lock has no bindings"):
        OF_IMAGE["bindings_line"](["tensorrt-cu13-bindings==10.16.0.72 --hash=sha256:0"], "10.1.6")
    with pytest.raises(LookupError, match="no TensorRT"):
        OF_IMAGE["library_version"]()


def test_no_image_of_ours_holds_pytorch() -> None:
    assert not [path.name for path in LOCKS if "torch" in locked(path)]


def test_the_context_leaves_out_what_no_image_needs() -> None:
    copied = {
        word for path in FILES for line in instructions(path) if line.startswith("COPY ") for word in line.split()
    }
    from_context = {word for word in copied if word.startswith(("requirements-", "dist/"))}
    assert from_context == {*(path.name for path in LOCKS), "dist/wrinkle_serving-*.whl"}
