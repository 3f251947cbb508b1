"""Steps that die, stop or hang come back; a server that cannot be helped is given up."""

from __future__ import annotations

import http.client
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from supervised_server import Supervise, Supervised, wait_until
from timeless import timeless
from wrinkle_core.errors import ServerFaultError, WrinkleError

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


def test_server_that_died_is_started_anew(server: Supervised) -> None:
    before = timeless(server.ask())
    psutil.Process(server.supervisor.server.process_id).kill()
    wait_until(lambda: server.reasons() == ["server: ended"], 5)
    wait_until(lambda: not server.reasons(), 30)
    assert timeless(server.ask()) == before
    assert server.counted('wrinkle_restarts_total{reason="ended"}') == 1


def test_steps_that_keep_dying_lead_to_a_new_server_and_then_to_an_end(supervise: Supervise) -> None:
    with supervise(max_repairs=1, max_restarts=1) as server:
        for _ in range(2):
            server.steps("threshold")[0].kill()
            wait_until(lambda: len(server.reasons()) > 0, 5)
            wait_until(lambda: not server.reasons(), 30)
        assert server.counted('wrinkle_restarts_total{reason="repairs used up"}') == 1
        server.steps("threshold")[0].kill()
        wait_until(lambda: server.given_up is not None, 10)
        assert isinstance(server.given_up, ServerFaultError)
        assert server.reasons()


HANGS = """
import ctypes
from pathlib import Path
from wrinkle_server.steps.{module} import {base}


class TritonPythonModel({base}):
    def _answer(self, *arguments):
        trigger = Path({trigger!r})
        if trigger.exists():
            trigger.unlink()
            ctypes.{library}(None).pause()
        return super()._answer(*arguments)
"""


@pytest.mark.parametrize(
    ("model", "module", "base", "library"),
    [
        ("skin_mask", "preprocess_step", "PreprocessStep", "PyDLL"),  # keeps Python's lock
        pytest.param("unetpp", "segment_step", "SegmentStep", "CDLL", marks=pytest.mark.slow),  # lets go of it
    ],
)
def test_step_that_hangs_in_a_native_call_is_found_and_repaired(
    model: str,
    module: str,
    base: str,
    library: str,
    supervise: Supervise,
    small_repository: Path,
    tmp_path: Path,
) -> None:
    repository, trigger = tmp_path / "repository", tmp_path / "hang"
    shutil.copytree(small_repository, repository)
    source = HANGS.format(module=module, base=base, library=library, trigger=str(trigger))
    (repository / model / "1" / "model.py").write_text(source, encoding="utf-8")
    with supervise(repository, step_limit_s=5.0) as server:
        before = timeless(server.ask())
        trigger.touch()
        with pytest.raises(WrinkleError):
            server.ask(60.0)
        wait_until(lambda: not server.reasons(), 30)
        assert timeless(server.ask()) == before
        assert server.counted(f'wrinkle_repairs_total{{model="{model}",reason="hung"}}') == 1


GROWS = """
from pathlib import Path
from wrinkle_server.steps.threshold_step import ThresholdStep


class TritonPythonModel(ThresholdStep):
    def _answer(self, requests):
        trigger = Path({trigger!r})
        if trigger.exists():
            trigger.unlink()
            self.hoard = bytearray(800 * 2**20)
        return super()._answer(requests)
"""


def test_step_that_grows_beyond_the_ceiling_is_started_anew(
    supervise: Supervise, small_repository: Path, tmp_path: Path
) -> None:
    repository, trigger = tmp_path / "repository", tmp_path / "grow"
    shutil.copytree(small_repository, repository)
    (repository / "threshold" / "1" / "model.py").write_text(GROWS.format(trigger=str(trigger)), encoding="utf-8")
    with supervise(repository, max_memory_bytes=600 * 2**20) as server:
        before = timeless(server.ask())
        wait_until(lambda: server.counted("wrinkle_resident_memory_bytes") > 0, 5)
        trigger.touch()
        server.ask()
        wait_until(lambda: server.counted('wrinkle_repairs_total{model="threshold",reason="memory"}') == 1, 10)
        wait_until(lambda: not server.reasons(), REPAIRED_WITHIN_S)
        assert timeless(server.ask()) == before
        wait_until(lambda: server.counted("wrinkle_resident_memory_bytes") < 500 * 2**20, 30)


def test_canary_finds_what_nothing_else_shows(supervise: Supervise, small_repository: Path, tmp_path: Path) -> None:
    """A step that answers every request with an error is alive, idle and prompt."""
    repository, trigger = tmp_path / "repository", tmp_path / "fail"
    shutil.copytree(small_repository, repository)
    (repository / "threshold" / "1" / "model.py").write_text(FAILS.format(trigger=str(trigger)), encoding="utf-8")
    with supervise(repository, canary_idle_s=1.0) as server:
        before = timeless(server.ask())
        trigger.touch()
        wait_until(lambda: len(server.reasons()) > 0, 15)
        wait_until(lambda: not server.reasons(), 30)
        assert timeless(server.ask()) == before
        assert server.counted('wrinkle_canaries_total{model="wrinkle_unetpp",outcome="failed"}') >= 1


FAILS = """
from pathlib import Path
from wrinkle_server.steps.threshold_step import ThresholdStep


class TritonPythonModel(ThresholdStep):
    broken = False

    def _answer(self, requests):
        trigger = Path({trigger!r})
        if trigger.exists():
            trigger.unlink()
            self.broken = True
        if self.broken:
            return self._answer_each(requests, lambda request: 1 / 0)
        return super()._answer(requests)
"""
