"""Looking up a host's addresses within a deadline.

The system's resolver knows no deadline, so it runs on a thread; a late answer is dropped. Threads that are left behind
keep their places until the resolver gives up, so there are never more of them than places.
"""

from __future__ import annotations

import socket
import threading
from typing import Any

from wrinkle_client.deadline import Deadline

__all__ = ["NameLookup"]


class NameLookup:
    """Look-ups of one user of names, a bounded number at a time; safe to share between threads."""

    def __init__(self, places: int) -> None:
        """Set up for ``places`` look-ups at a time; more wait, within their deadlines."""
        self._places = threading.BoundedSemaphore(places)

    def addresses(self, host: str, port: int, deadline: Deadline) -> list[tuple[Any, ...]]:
        """Return the host's addresses for TCP, as ``socket.getaddrinfo`` does.

        Raises:
            DeadlineExceededError: No answer in time.
            OSError: There is no such name, or the resolver failed.
            UnicodeError: The name is malformed.
        """
        outcome: list[list[tuple[Any, ...]] | Exception] = []

        def resolve() -> None:
            try:
                outcome.append(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
            except Exception as error:  # raised again in the caller's thread
                outcome.append(error)
            finally:
                self._places.release()

        if not self._places.acquire(timeout=deadline.require_s()):
            raise deadline.exceeded()
        thread = threading.Thread(target=resolve, name="wrinkle-name-lookup", daemon=True)
        try:
            thread.start()
        except BaseException:
            self._places.release()
            raise
        thread.join(max(0.0, deadline.remaining_s()))
        if not outcome:
            raise deadline.exceeded()
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]
