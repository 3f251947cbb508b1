"""Each step killed in turn while clients ask: every call is answered rightly or fails typed, and service comes back."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from figures import Figures
from supervised_server import HOST, Supervise, Supervised, wait_until
from wrinkle_client import Client, RetryPolicy
from wrinkle_core.errors import WrinkleError

pytestmark = [pytest.mark.live, pytest.mark.alone]

STEPS = ("skin_mask", "unetpp", "threshold")
DEADLINE_S = 20.0
SERVICE_AGAIN_S = 10.0


@dataclass
class Caller:
    """One thread that asks again and again."""

    url: str
    photo: bytes
    retry: RetryPolicy
    ended: threading.Event
    answers: list[tuple[float, float, str]] = field(default_factory=list)  # begun, seconds, outcome
    masks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self) -> None:
        with Client(self.url, retry=self.retry) as client:
            while not self.ended.is_set():
                began_s = time.monotonic()
                try:
                    self.masks.append(client.segment(self.photo, timeout_s=DEADLINE_S).mask.tobytes())
                    outcome = "answered"
                except WrinkleError as error:
                    outcome = error.code
                self.answers.append((began_s, time.monotonic() - began_s, outcome))


def more_answers(callers: list[Caller]) -> Callable[[], bool]:
    """Return whether eight photographs have been answered since now."""
    before = sum(len(caller.masks) for caller in callers)
    return lambda: sum(len(caller.masks) for caller in callers) >= before + 8


@pytest.fixture(scope="module")
def server(supervise: Supervise) -> Iterator[Supervised]:
    with supervise(max_repairs=20) as running:
        yield running


def test_killed_steps_under_load(server: Supervised, grace_hopper_jpeg: bytes, figures: Figures) -> None:
    """Of the callers on each protocol one tries again within its deadline, and one never does."""
    ended = threading.Event()
    urls = (f"http://{HOST}:{server.http_port}", f"grpc://{HOST}:{server.supervisor.server.options.grpc_port}")
    patient, impatient = (
        [Caller(url, grace_hopper_jpeg, RetryPolicy(attempts=attempts), ended) for url in urls] for attempts in (40, 1)
    )
    callers = [*patient, *impatient]
    again_s = {}
    try:
        wait_until(more_answers(callers), 30)
        for model in STEPS:
            killed_s = time.monotonic()
            server.steps(model)[0].kill()
            wait_until(lambda: len(server.reasons()) > 0, 5)
            wait_until(lambda: not server.reasons(), SERVICE_AGAIN_S)
            again_s[model] = round(time.monotonic() - killed_s, 2)
            wait_until(more_answers(callers), 30)
            failed = [begun_s for caller in callers for begun_s, _, outcome in caller.answers if outcome != "answered"]
            assert max(failed, default=0.0) < killed_s + SERVICE_AGAIN_S
    finally:
        ended.set()
        for caller in callers:
            caller.thread.join(2 * DEADLINE_S)
    found = {}
    for kind, those in (("patient", patient), ("impatient", impatient)):
        answers = [answer for caller in those for answer in caller.answers]
        found[kind] = Counter(outcome for *_, outcome in answers)
        slowest_s = max(seconds for _, seconds, _ in answers)
        figures(callers=kind, again_s=again_s, outcomes=found[kind], slowest_s=round(slowest_s, 2))
        assert slowest_s < DEADLINE_S + 1.0
    assert len({mask for caller in callers for mask in caller.masks}) == 1
    assert set(found["patient"]) == {"answered"}
    assert set(found["impatient"]) <= {"answered", "MODEL_NOT_READY", "SERVER_UNREACHABLE"}
