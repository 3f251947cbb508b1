"""The three ways to show a run; ``open_view`` chooses."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import Protocol

from wrinkle_client.batch_run.run_folder import RunObserver

__all__ = ["OutputFormat", "RunView", "open_view"]


class OutputFormat(str, Enum):
    """What ``--format`` takes."""

    HUMAN = "human"
    JSON = "json"
    QUIET = "quiet"


class RunView(RunObserver, AbstractContextManager["RunView"], Protocol):
    """Shows a run between enter and exit."""


def open_view(output: OutputFormat, folder: Path) -> RunView:
    """Return the view of a run into ``folder``.

    ``human`` prints tables on standard output and a progress bar; ``json`` one line per photograph on standard output
    and nothing else there; ``quiet`` only errors, on standard error.
    """
    if output is OutputFormat.HUMAN:
        from wrinkle_client.terminal.human import HumanView

        return HumanView(folder)
    from wrinkle_client.terminal.plain import JsonView, QuietView

    return JsonView() if output is OutputFormat.JSON else QuietView()
