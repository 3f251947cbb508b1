"""Files made from the chart: ``python -m chart_checks.generated`` writes them anew; a test compares.

The table of values in the chart's README, and the rendered chart as a Kustomize base, for those without helm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chart_checks.rendering import CHART, rendered_text
from chart_checks.tools import ROOT
from chart_checks.values_reference import page_with_reference

__all__ = ["generated_files"]

_README: Final = CHART / "README.md"
_BASE: Final = ROOT / "k8s" / "kustomize" / "base"
_NOTE: Final = "# GENERATED from k8s/chart by python -m chart_checks.generated. Do not edit: patch it in an overlay.\n"


def generated_files() -> dict[Path, str]:
    """Return what each generated file has to hold."""
    return {
        _README: page_with_reference(_README.read_text(encoding="utf-8")),
        _BASE / "wrinkle-serving.yaml": _NOTE + rendered_text([_BASE / "values.yaml"], namespace="wrinkle"),
    }


if __name__ == "__main__":
    for path, content in generated_files().items():
        path.write_text(content, encoding="utf-8")
