"""Callers with the SDK, counted: what was answered, and which typed errors the rest got."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from wrinkle_client import Client, RetryPolicy
from wrinkle_core.errors import WrinkleError

__all__ = ["Callers"]

_DEADLINE_S = 30.0
_JOIN_S = 60.0


class Callers(AbstractContextManager["Callers"]):
    """Threads that ask one after the other while the ``with`` lasts.

    Attributes:
        outcomes: ``answered``, or the error's code; every call is in it once its end is known.
        masks: Every different answer.
        untyped: Errors that are none of the SDK's; they would be a mistake in it.
    """

    def __init__(
        self,
        urls: tuple[str, ...],
        photo: bytes,
        retry: RetryPolicy,
        token: str | None = None,
        ca_file: Path | None = None,
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self.masks: set[bytes] = set()
        self.untyped: list[BaseException] = []
        self._photo = photo
        self._retry = retry
        self._token = token
        self._ca_file = ca_file
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(url,), daemon=True) for url in urls]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(_JOIN_S)
            assert not thread.is_alive(), "a call outlasts its deadline"

    @property
    def answered(self) -> int:
        return self.outcomes["answered"]

    def _ask(self, url: str) -> None:
        with Client(url, retry=self._retry, token=self._token, ca_file=self._ca_file) as client:
            while not self._ended.is_set():
                try:
                    mask = client.segment(self._photo, timeout_s=_DEADLINE_S).mask.tobytes()
                except WrinkleError as error:
                    self._note(error.code)
                except Exception as error:
                    self.untyped.append(error)
                    return
                else:
                    self._note("answered", mask)

    def _note(self, outcome: str, mask: bytes | None = None) -> None:
        with self._lock:
            self.outcomes[outcome] += 1
            if mask is not None:
                self.masks.add(mask)
