"""Pytest plugin: how often a client tried again, by the thread that did, as the client itself logs it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

__all__ = ["retries"]


class _CountedByThread(logging.Handler):
    """Counts what the client logs, a line per retry."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: dict[int, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        caller = threading.get_ident()
        self.counted[caller] = self.counted.get(caller, 0) + 1


@pytest.fixture
def retries(caplog: pytest.LogCaptureFixture) -> Iterator[dict[int, int]]:
    """Count the retries by the thread that made them."""
    logger, counter = logging.getLogger("wrinkle_client"), _CountedByThread()
    with caplog.at_level(logging.DEBUG, logger.name):
        logger.addHandler(counter)
        yield counter.counted
        logger.removeHandler(counter)
