"""The values that the chart is tried with, rendered once each."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from chart_checks.rendering import PROFILES, render

__all__ = ["MATRIX", "REQUIRED", "Json", "deployments", "of_kind", "pod_specs", "rendered"]

Json = dict[str, Any]

_VALUES: Final = Path(__file__).with_name("sample_values")
REQUIRED: Final = _VALUES / "required.yaml"
MATRIX: Final[dict[str, tuple[Path, ...]]] = {
    "defaults": (REQUIRED,),
    "cpu": (REQUIRED, PROFILES / "values-cpu.yaml"),
    "gpu-tensorrt": (REQUIRED, PROFILES / "values-gpu-tensorrt.yaml", _VALUES / "gpu.yaml"),
    "gpu-mig": (REQUIRED, PROFILES / "values-gpu-mig.yaml", _VALUES / "gpu.yaml"),
    "minikube": (_VALUES / "minikube.yaml", PROFILES / "values-minikube.yaml"),
    "everything": (REQUIRED, _VALUES / "everything.yaml"),
    "ingress": (REQUIRED, _VALUES / "ingress.yaml"),
}


@cache
def rendered(name: str) -> tuple[Json, ...]:
    """Return the objects of one entry of the matrix."""
    return tuple(render(MATRIX[name]))


def of_kind(name: str, *kinds: str) -> list[Json]:
    """Return the objects of these kinds of one entry."""
    return [one for one in rendered(name) if one["kind"] in kinds]


def deployments(name: str) -> list[Json]:
    """Return the Deployments of one entry, the stable one first."""
    return sorted(of_kind(name, "Deployment"), key=lambda one: one["metadata"]["labels"]["track"] != "stable")


def pod_specs(name: str) -> list[Json]:
    """Return the specification of every pod that one entry makes, jobs included."""
    specs: list[Json] = [one["spec"]["template"]["spec"] for one in of_kind(name, "Deployment", "Job")]
    return specs
