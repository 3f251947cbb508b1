"""Commands of the Kubernetes pages are ones that helm, kubectl and the repository know."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from chart_checks.matrix import REQUIRED
from chart_checks.tools import ROOT, helm

pytestmark = pytest.mark.needs("npm")

PAGE = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
CHECKLIST = (ROOT / "docs/cluster-checklist.md").read_text(encoding="utf-8")
SAMPLES = REQUIRED.parent
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
HELM_COMMANDS = [
    line for block in BLOCKS for line in block.splitlines() if line.startswith(("helm install", "helm upgrade"))
]


def values_of(words: list[str]) -> list[str]:
    """Return the words that choose values, with a sample in the place of the reader's own file."""
    own = SAMPLES / ("gpu.yaml" if any("gpu" in word for word in words) else "everything.yaml")
    replaced: list[str] = []
    for word in words:
        if word == "my-values.yaml":
            replaced += [str(REQUIRED), "-f", str(own)]
        elif word == "--reuse-values":
            replaced += ["-f", str(REQUIRED), "-f", str(own)]
        elif word != "--install":
            replaced.append(word)
    return replaced


def test_there_are_five_commands_to_install() -> None:
    (first, *_) = BLOCKS
    assert len(first.splitlines()) == 5
    assert first.splitlines()[-1] == HELM_COMMANDS[0]
    assert len(HELM_COMMANDS) == 4


@pytest.mark.parametrize("command", HELM_COMMANDS, ids=lambda command: " ".join(command.split()[:3]))
def test_helm_takes_the_command(command: str) -> None:
    program, _, *words = shlex.split(command)
    assert program == "helm"
    done = subprocess.run(
        [str(helm()), "template", *values_of(words)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "kind: Deployment" in done.stdout


@pytest.mark.parametrize("text", [PAGE, CHECKLIST], ids=["kubernetes", "checklist"])
def test_paths_and_links_lead_somewhere(text: str) -> None:
    for path in re.findall(r"(?:^|[ `])(k8s/[\w./-]+)", text):
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert Path(ROOT, "docs", target).exists(), target


def test_checklist_is_numbered_without_a_gap() -> None:
    numbers = [int(number) for number in re.findall(r"^(\d+)\. \*\*", CHECKLIST, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 40
