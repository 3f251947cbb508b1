"""The supervisor's log on standard error: one JSON object a line, or coloured text where a person reads along."""

from __future__ import annotations

import sys

import structlog

__all__ = ["configure_logs"]


def configure_logs() -> None:
    """Set up structlog for this process; ``get_logger`` works without, but writes to standard output."""
    person = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not person),
            structlog.dev.ConsoleRenderer() if person else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
