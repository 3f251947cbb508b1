"""What the doctor says about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Verdict", "judge"]

Verdict = Literal["ok", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``remedy`` is empty when all is well.

    A *failure* keeps ``wrinkle serve`` from working; a *warning* makes it slower, fragile or less safe.
    """

    subject: str
    verdict: Verdict
    found: str
    remedy: str = ""


def judge(subject: str, good: bool, found: str, remedy: str, bad: Verdict = "failure") -> Finding:
    """Return a finding that is ok when ``good``, else ``bad`` with its remedy."""
    return Finding(subject, "ok", found) if good else Finding(subject, bad, found, remedy)
