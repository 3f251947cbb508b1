"""``wrinkle doctor``: a table of what this machine has and lacks for serving."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wrinkle_server.doctor.examination import examine
from wrinkle_server.doctor.finding import Verdict

__all__ = ["doctor"]

_COLOURS: Final[dict[Verdict, str]] = {"ok": "green", "warning": "yellow", "failure": "red"}


def doctor(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings file of `wrinkle serve` to judge the machine by.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")] = False,
) -> None:
    """Check whether this machine can serve; exit 1 when it cannot."""
    findings = examine(config)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        table = Table("", "found", "what to do")
        for finding in findings:
            colour = _COLOURS[finding.verdict]
            table.add_row(f"[{colour}]{finding.subject}[/{colour}]", escape(finding.found), escape(finding.remedy))
        Console().print(table)
    if any(finding.verdict == "failure" for finding in findings):
        raise typer.Exit(1)
