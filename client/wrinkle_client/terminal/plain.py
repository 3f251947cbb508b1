"""A run for programs: JSON lines on standard output, or nothing there; errors go to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import typer

from wrinkle_client.batch_run.entry import Entry
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.batch_run.run_folder import Ended
from wrinkle_client.result import SegmentationResult

__all__ = ["JsonView", "QuietView"]


class QuietView(AbstractContextManager["QuietView"]):
    """Says nothing but what went wrong."""

    def __exit__(self, *_error: object) -> None:
        """Nothing was opened."""

    def started(self, to_do: int, kept: Sequence[Entry]) -> None:
        """Say nothing."""

    def ended_one(self, entry: Entry, result: SegmentationResult | None) -> None:
        """Report a failure on standard error."""
        if entry.failure is not None:
            typer.echo(f"{printable(entry.name)}: {entry.failure.code}: {entry.failure.message}", err=True)

    def stopping(self) -> None:
        """Say nothing; the exit code tells."""

    def ended(self, ended: Ended) -> None:
        """Say nothing."""


class JsonView(QuietView):
    """Writes one JSON object per photograph and line, those of an earlier run first."""

    def started(self, to_do: int, kept: Sequence[Entry]) -> None:
        """Write the entries that stay."""
        for entry in kept:
            _write({**entry.to_document(), "kept": True})

    def ended_one(self, entry: Entry, result: SegmentationResult | None) -> None:
        """Write one entry; failures are lines like the others."""
        _write({**entry.to_document(), "kept": False})


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, allow_nan=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()
