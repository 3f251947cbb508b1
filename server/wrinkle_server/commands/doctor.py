"""``wrinkle doctor``: a table of what this machine has and lacks for serving."""

from __future__ import annotations

from typing import Final

import typer
from rich.console import Console
from rich.table import Table

from wrinkle_server.doctor import Verdict, examine

__all__ = ["doctor"]

_COLOURS: Final[dict[Verdict, str]] = {"ok": "green", "warning": "yellow", "failure": "red"}


def doctor() -> None:
    """Check whether this machine can serve; exit 1 when it cannot."""
    findings = examine()
    table = Table("", "found", "what to do")
    for finding in findings:
        colour = _COLOURS[finding.verdict]
        table.add_row(f"[{colour}]{finding.subject}[/{colour}]", finding.found, finding.remedy)
    Console().print(table)
    if any(finding.verdict == "failure" for finding in findings):
        raise typer.Exit(1)
