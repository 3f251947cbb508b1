"""Ctrl-C during a run: the first lets the photographs under way end, the second leaves at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from wrinkle_client.exit_codes import ExitCode

__all__ = ["StopSignal"]


class StopSignal:
    """Between enter and exit, remembers Ctrl-C; ``requested`` tells. SIGINT that was ignored stays ignored."""

    def __init__(self, on_request: Callable[[], None]) -> None:
        """Set up; ``on_request`` is called at the first Ctrl-C, in the main thread."""
        self.requested = False
        self._on_request = on_request
        self._previous: Any = None

    def __enter__(self) -> StopSignal:
        self._previous = signal.getsignal(signal.SIGINT)
        if self._previous is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:  # a call that hangs cannot be ended from here; the manifest is whole after every line
            os._exit(ExitCode.INTERRUPTED)
        self.requested = True
        self._on_request()
