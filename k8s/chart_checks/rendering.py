"""The chart, rendered by helm as an installation would."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from chart_checks.tools import ROOT, helm

__all__ = ["CHART", "PROFILES", "RELEASE", "RenderError", "lint", "render", "rendered_text"]

CHART: Final = ROOT / "k8s" / "chart"
PROFILES: Final = CHART / "profiles"
RELEASE: Final = "wrinkle"
_LIMIT_S: Final = 60.0

Values = Mapping[str, Any]


class RenderError(RuntimeError):
    """Helm refuses the values; the message is helm's."""


def rendered_text(
    files: Sequence[Path], values: Values | None = None, *, namespace: str = "faces", release: str = RELEASE
) -> str:
    """Return what ``helm template`` prints.

    Args:
        files: Values files, later ones over earlier ones.
        values: More values, over the files.
        namespace: Where the release would go.
        release: Its name.

    Raises:
        RenderError: The schema or a template refuses the values.
    """
    return _helm("template", release, str(CHART), "--namespace", namespace, files=files, values=values)


def render(files: Sequence[Path], values: Values | None = None, *, namespace: str = "faces") -> list[dict[str, Any]]:
    """Return the objects that ``helm template`` prints; arguments and errors are those of ``rendered_text``."""
    text = rendered_text(files, values, namespace=namespace)
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document is not None]


def lint(files: Sequence[Path], values: Values | None = None) -> None:
    """Let helm look for mistakes, warnings included.

    Raises:
        RenderError: It found one.
    """
    _helm("lint", str(CHART), "--strict", "--quiet", files=files, values=values)


def _helm(*words: str, files: Sequence[Path], values: Values | None) -> str:
    given = [word for file in files for word in ("--values", str(file))]
    if values is not None:
        given += ["--values", "-"]
    done = subprocess.run(
        [str(helm()), *words, *given],
        input=yaml.safe_dump(values) if values is not None else None,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise RenderError((done.stdout + done.stderr).strip())
    return done.stdout
