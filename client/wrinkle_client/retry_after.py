"""The header with which an overloaded server says when to come back.

Source: RFC 9110, section 10.2.3: a number of seconds, or a date.
"""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["retry_after_s"]

_LONGEST_S: Final = 86_400.0


def retry_after_s(header: str) -> float | None:
    """Return the seconds to wait that ``header`` asks for, [0, 86400]; None when it is empty or malformed."""
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return min(float(text), _LONGEST_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:  # "-0000": UTC without saying where it was written
        moment = moment.replace(tzinfo=timezone.utc)
    return min(max((moment - datetime.now(timezone.utc)).total_seconds(), 0.0), _LONGEST_S)
