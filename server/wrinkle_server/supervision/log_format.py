"""The supervisor's log on standard error: one JSON object a line, or coloured text where a person reads along.

Lines go through the standard library's handler, which survives a closed pipe: nobody reading is no reason to stop.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

import structlog

__all__ = ["configure_logs"]

_LOGGER: Final = "wrinkle"


def configure_logs() -> None:
    """Set up the loggers ``wrinkle.*`` of this process; without, they write to standard output."""
    person = sys.stderr.isatty()
    logger = logging.getLogger(_LOGGER)
    logger.handlers = [logging.StreamHandler()]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not person),
            structlog.dev.ConsoleRenderer() if person else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
