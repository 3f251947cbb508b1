"""What Triton counts per model: the difference between two looks at it is what happened meanwhile.

Source: Triton docs/protocol/extension_statistics.md.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from wrinkle_bench.perf_analyzer.measurement import StepTimes
from wrinkle_core.errors import DeadlineExceededError, ServerFaultError
from wrinkle_server.triton.admin_api import AdminApi

__all__ = ["Counters", "counters_after_answer", "read_counters", "step_times", "wait_until_quiet"]

_TIMEOUT_S: Final = 20.0
_COUNTING_LIMIT_S: Final = 5.0
_POLL_S: Final = 0.01
_RESTING_LIMIT_S: Final = 120.0
_LOOK_S: Final = 0.1
_PARTS: Final = ("queue", "compute_input", "compute_infer", "compute_output")


@dataclass(frozen=True, slots=True)
class Counters:
    """One model's counters since it was loaded.

    Attributes:
        answered: Requests answered.
        failed: Requests that ended in an error.
        nanoseconds: Spent in queue, input, compute and output, all requests together.
    """

    answered: int
    failed: int
    nanoseconds: tuple[int, int, int, int]


def read_counters(admin: AdminApi, models: Sequence[str]) -> dict[str, Counters]:
    """Return the counters of models, all versions of each together.

    Raises:
        ServerFaultError: The server knows no such model.
    """
    counters = {}
    with closing(admin.http_connection(_TIMEOUT_S)) as connection:
        for name in models:
            connection.request("GET", f"/v2/models/{name}/stats")
            response = connection.getresponse()
            body = response.read()
            if response.status != http.client.OK:
                raise ServerFaultError(f"No statistics of {name}: HTTP {response.status}.")
            versions = [each["inference_stats"] for each in json.loads(body)["model_stats"]]
            sums = tuple(sum(int(each[part]["ns"]) for each in versions) for part in _PARTS)
            counters[name] = Counters(
                sum(int(each["success"]["count"]) for each in versions),
                sum(int(each["fail"]["count"]) for each in versions),
                (sums[0], sums[1], sums[2], sums[3]),
            )
    return counters


def counters_after_answer(admin: AdminApi, before: Mapping[str, Counters]) -> dict[str, Counters]:
    """Return the counters once every model has counted more than before: Triton answers first and counts then.

    Raises:
        ServerFaultError: A model did not count in time, or the server knows no such model.
    """
    deadline_s = time.monotonic() + _COUNTING_LIMIT_S
    while time.monotonic() < deadline_s:
        now = read_counters(admin, list(before))
        if all(now[name].answered > counters.answered for name, counters in before.items()):
            return now
        time.sleep(_POLL_S)
    raise ServerFaultError(f"A model counted no request within {_COUNTING_LIMIT_S:g} s of its answer.")


def wait_until_quiet(admin: AdminApi, models: Sequence[str], quiet_s: float) -> None:
    """Return once no model has counted a request for so long.

    Raises:
        DeadlineExceededError: They never rest.
    """
    deadline_s = time.monotonic() + _RESTING_LIMIT_S + quiet_s
    last, since_s = read_counters(admin, models), time.monotonic()
    while time.monotonic() - since_s < quiet_s:
        time.sleep(min(quiet_s, _LOOK_S))
        now = read_counters(admin, models)
        if now != last:
            last, since_s = now, time.monotonic()
        if time.monotonic() > deadline_s:
            raise DeadlineExceededError("The server is never idle; does somebody else use it?")


def step_times(before: Mapping[str, Counters], after: Mapping[str, Counters]) -> dict[str, StepTimes]:
    """Return the mean times of each model that answered between two readings.

    Raises:
        ServerFaultError: A request failed meanwhile: its time would count for nothing.
    """
    times = {}
    for name, last in after.items():
        first = before[name]
        if last.failed > first.failed:
            raise ServerFaultError(f"{last.failed - first.failed} requests of {name} failed while it was measured.")
        count = last.answered - first.answered
        if count:
            parts = [(b - a) / count / 1e6 for a, b in zip(first.nanoseconds, last.nanoseconds, strict=True)]
            times[name] = StepTimes(count, *parts)
    return times
