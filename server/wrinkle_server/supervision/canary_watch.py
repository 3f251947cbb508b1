"""The canaries of all ensembles: asked when an ensemble has answered nobody for a while, and to prove a repair.

An answer may take many seconds, and a step that hangs keeps it back. The watch over the server has to find that step
meanwhile, so the canary of an idle ensemble is sent from a thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import OverloadedError, WrinkleError
from wrinkle_server.supervision.canary import Canary
from wrinkle_server.supervision.instruments import Instruments
from wrinkle_server.triton.admin_api import AdminApi

__all__ = ["CanaryWatch"]


class CanaryWatch:
    """Asks and counts; the known answers outlive a new start of the server.

    Attributes:
        canaries: One per ensemble.
    """

    def __init__(
        self, segmenters: Sequence[SegmenterContract], instruments: Instruments, *, idle_s: float, timeout_s: float
    ) -> None:
        """Ask nothing yet.

        Args:
            segmenters: Whose ensembles are watched.
            instruments: Where outcomes are counted.
            idle_s: After this long without an answer to anybody an ensemble gets its canary.
            timeout_s: How long its answer may take.
        """
        self.canaries = tuple(Canary(spec) for spec in segmenters)
        self._instruments = instruments
        self._idle_s = idle_s
        self._timeout_s = timeout_s
        self._asked: Future[str | None] | None = None

    def sick(self, admin: AdminApi, canaries: Sequence[Canary] | None = None) -> str | None:
        """Return what is wrong with the first ensemble that fails its canary, None when all serve."""
        for canary in self.canaries if canaries is None else canaries:
            try:
                canary.check(admin, self._timeout_s)
            except OverloadedError:
                self._instruments.canaries.labels(canary.ensemble, "overloaded").inc()
            except WrinkleError as error:
                self._instruments.canaries.labels(canary.ensemble, "failed").inc()
                return f"{canary.ensemble}: {error}"
            else:
                self._instruments.canaries.labels(canary.ensemble, "passed").inc()
        return None

    def failed(self, admin: AdminApi, idle_s: Callable[[str], float]) -> str | None:
        """Return at once what was wrong with an idle ensemble, None while that is not known or nothing is.

        One lost answer is no reason to load everything anew, so a canary fails when its second try does.

        Args:
            admin: The server.
            idle_s: For how long an ensemble has answered nobody.
        """
        if self._asked is None:
            idle = tuple(canary for canary in self.canaries if idle_s(canary.ensemble) > self._idle_s)
            if idle:
                self._asked = _in_background(lambda: self.sick(admin, idle) and self.sick(admin, idle))
        elif self._asked.done():
            asked, self._asked = self._asked, None
            return asked.result()
        return None

    def forget(self) -> None:
        """Wait no more for canaries on their way: what they would tell is of before a repair."""
        self._asked = None


def _in_background(ask: Callable[[], str | None]) -> Future[str | None]:
    found: Future[str | None] = Future()

    def run() -> None:
        try:
            found.set_result(ask())
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=run, name="canary", daemon=True).start()
    return found
