"""Steps that die, stop or hang come back; a server that cannot be helped is given up."""

from __future__ import annotations

import http.client
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from deadly_http import DEADLY_BODIES
from figures import Figures
from supervised_server import HOST, Supervise, Supervised, wait_until
from timeless import timeless
from wrinkle_core.errors import ServerFaultError, WrinkleError
from wrinkle_server.triton.log_file import earlier_part
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = [pytest.mark.live, pytest.mark.alone]

STEPS = ("skin_mask", "unetpp", "threshold")
REPAIRED_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def server(supervise: Supervise) -> Iterator[Supervised]:
    with supervise(max_repairs=20) as running:
        yield running


@pytest.mark.parametrize("model", STEPS)
@pytest.mark.parametrize(
    ("number", "time"), [(signal.SIGKILL, "first"), (signal.SIGSTOP, "then"), (signal.SIGKILL, "again")]
)
def test_step_that_gets_a_signal_is_repaired_however_often(
    number: signal.Signals, time: str, model: str, server: Supervised
) -> None:
    before = timeless(server.ask())
    (step,) = server.steps(model)
    reason = "dead" if number == signal.SIGKILL else "stopped"
    repairs = server.counted(f'wrinkle_repairs_total{{model="{model}",reason="{reason}"}}')
    step.send_signal(number)
    wait_until(lambda: server.reasons() == [f"{model}: {reason}"], 5)
    assert server.get("/livez")[0] == http.client.OK
    wait_until(lambda: not server.reasons(), REPAIRED_WITHIN_S)
    assert timeless(server.ask()) == before
    assert server.counted(f'wrinkle_repairs_total{{model="{model}",reason="{reason}"}}') == repairs + 1


def test_all_steps_killed_at_once_come_back(server: Supervised) -> None:
    before = timeless(server.ask())
    for model in STEPS:
        for step in server.steps(model):
            step.kill()
    wait_until(lambda: len(server.reasons()) > 0, 5)
    wait_until(lambda: not server.reasons(), 2 * REPAIRED_WITHIN_S)
    assert timeless(server.ask()) == before


def test_log_that_grew_long_is_cut_and_written_on(server: Supervised) -> None:
    options = server.supervisor.server.options
    log = options.log_path
    assert log is not None
    with log.open("ab") as file:
        file.truncate(options.max_log_bytes + 1)
    wait_until(lambda: log.stat().st_size < 2**20, 5)
    assert earlier_part(log).stat().st_size > options.max_log_bytes
    with pytest.raises(WrinkleError):
        infer_raw(HOST, server.http_port, "wrinkle_unetpp", b"no photograph", 30.0)
    wait_until(lambda: log.stat().st_size > 0, 5)
    assert log.read_bytes().startswith(b"W")  # Triton goes on at the beginning


def test_server_that_one_http_request_ended_is_started_anew(server: Supervised, figures: Figures) -> None:
    before = timeless(server.ask())
    deadly = DEADLY_BODIES["list for a shape of 2**62"]
    with closing(http.client.HTTPConnection(HOST, server.http_port, timeout=10)) as connection:
        connection.request("POST", "/v2/models/wrinkle_unetpp/infer", body=deadly)
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            connection.getresponse()
    seen_s = wait_until(lambda: server.reasons() == ["server: ended"], 5)
    again_s = wait_until(lambda: not server.reasons(), 30)
    figures(again_s=round(seen_s + again_s, 2))
    assert timeless(server.ask()) == before
    assert server.counted('wrinkle_restarts_total{reason="ended"}') == 1


def test_steps_that_keep_dying_lead_to_a_new_server_and_then_to_an_end(supervise: Supervise) -> None:
    with supervise(max_repairs=1, max_restarts=1, max_retained_steps=0) as server:
        for number in (signal.SIGSTOP, signal.SIGKILL):  # of the first nothing is left when it is repaired
            server.steps("threshold")[0].send_signal(number)
            wait_until(lambda: len(server.reasons()) > 0, 5)
            wait_until(lambda: not server.reasons(), 30)
        assert server.counted('wrinkle_repairs_total{model="threshold",reason="stopped"}') == 1
        assert server.counted('wrinkle_restarts_total{reason="dead steps kept"}') == 1
        server.steps("threshold")[0].send_signal(signal.SIGSTOP)
        wait_until(lambda: server.given_up is not None, 10)
        assert isinstance(server.given_up, ServerFaultError)
        assert "repairs used up" in str(server.given_up)
        assert server.reasons()


HANGS = """
import ctypes
from pathlib import Path
from wrinkle_server.steps.{module} import {base}


class TritonPythonModel({base}):
    def _answer(self, *arguments):
        trigger = Path({folder!r}, "hang-{base}")
        if trigger.exists():
            trigger.unlink()
            ctypes.{library}(None).pause()
        return super()._answer(*arguments)
"""

GROWS_OR_FAILS = """
from pathlib import Path
from wrinkle_server.steps.threshold_step import ThresholdStep


class TritonPythonModel(ThresholdStep):
    broken = False

    def _answer(self, requests):
        grow, fail = Path({folder!r}, "grow"), Path({folder!r}, "fail")
        if grow.exists():
            grow.unlink()
            self.hoard = bytearray(1000 * 2**20)
        if fail.exists():
            fail.unlink()
            self.broken = True
        if self.broken:
            return self._answer_each(requests, lambda request: 1 / 0)
        return super()._answer(requests)
"""

STEP_LIMIT_S = 5.0
CEILING_BYTES = 900 * 2**20


@dataclass(frozen=True)
class Ailing:
    """A server whose steps fall ill at their next call once a file says so."""

    server: Supervised
    folder: Path

    def trigger(self, ailment: str) -> None:
        (self.folder / ailment).touch()


@pytest.fixture(scope="module")
def ailing(supervise: Supervise, small_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ailing]:
    folder = tmp_path_factory.mktemp("ailing")
    repository = folder / "repository"
    shutil.copytree(small_repository, repository)
    sources = {
        "skin_mask": HANGS.format(module="preprocess_step", base="PreprocessStep", library="PyDLL", folder=str(folder)),
        "unetpp": HANGS.format(module="segment_step", base="SegmentStep", library="CDLL", folder=str(folder)),
        "threshold": GROWS_OR_FAILS.format(folder=str(folder)),
    }
    for model, source in sources.items():
        (repository / model / "1" / "model.py").write_text(source, encoding="utf-8")
    with supervise(
        repository, max_repairs=20, step_limit_s=STEP_LIMIT_S, canary_idle_s=1.0, max_memory_bytes=CEILING_BYTES
    ) as server:
        yield Ailing(server, folder)


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("skin_mask", "PreprocessStep"),  # keeps Python's lock
        pytest.param("unetpp", "SegmentStep", marks=pytest.mark.slow),  # lets go of it
    ],
)
def test_step_that_hangs_in_a_native_call_is_found_and_repaired(model: str, base: str, ailing: Ailing) -> None:
    """A canary that waits for the step that hangs does not delay that."""
    server = ailing.server
    before = timeless(server.ask())
    ailing.trigger(f"hang-{base}")
    began_s = time.monotonic()
    with suppress(WrinkleError):  # the canary may be the one that meets the step first
        server.ask(60.0)
    hung = f'wrinkle_repairs_total{{model="{model}",reason="hung"}}'
    wait_until(lambda: server.counted(hung) == 1 and not server.reasons(), 30)
    assert time.monotonic() - began_s < STEP_LIMIT_S + 2 * REPAIRED_WITHIN_S
    assert timeless(server.ask()) == before


def test_step_that_grows_beyond_the_ceiling_is_started_anew(ailing: Ailing) -> None:
    server = ailing.server
    before = timeless(server.ask())
    wait_until(lambda: server.counted("wrinkle_resident_memory_bytes") > 0, 5)
    ailing.trigger("grow")
    server.ask()
    wait_until(lambda: server.counted('wrinkle_repairs_total{model="threshold",reason="memory"}') == 1, 10)
    wait_until(lambda: not server.reasons(), REPAIRED_WITHIN_S)
    assert timeless(server.ask()) == before
    wait_until(lambda: server.counted("wrinkle_resident_memory_bytes") < CEILING_BYTES - 200 * 2**20, 30)
    assert server.counted('wrinkle_repairs_total{model="threshold",reason="memory"}') == 1


def test_canary_finds_what_nothing_else_shows(ailing: Ailing) -> None:
    """A step that answers every request with an error is alive and prompt, and the steps before it succeed."""
    server = ailing.server
    before = timeless(server.ask())
    ailing.trigger("fail")

    def asked_in_vain() -> bool:
        with suppress(WrinkleError):
            server.ask()
        return len(server.reasons()) > 0

    wait_until(asked_in_vain, 15)
    wait_until(lambda: not server.reasons(), 30)
    assert timeless(server.ask()) == before
    assert server.counted('wrinkle_canaries_total{model="wrinkle_unetpp",outcome="failed"}') >= 1
    assert server.counted('wrinkle_repairs_total{model="threshold",reason="canary"}') >= 1
