"""Steps are told apart by what the system says of their processes; here children of the test itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from wrinkle_server.steps.activity import Activity
from wrinkle_server.supervision import step_watch
from wrinkle_server.supervision.step_watch import SickStep, StepWatch

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a process which looks like a step of a model."""
    started: list[subprocess.Popen[bytes]] = []

    def step(model: str) -> subprocess.Popen[bytes]:
        script = tmp_path / model / "1" / "model.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n", encoding="utf-8")
        process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        started.append(process)
        return process

    yield step
    for process in started:
        process.kill()
        process.communicate()


def watch(run_folder: Path, step_limit_s: float = 10.0) -> StepWatch:
    return StepWatch(os.getpid(), run_folder, step_limit_s)


def test_living_steps_are_known_by_their_model(start: Start, tmp_path: Path) -> None:
    first, second = start("skin_mask"), start("unetpp")
    assert watch(tmp_path).living == {first.pid: "skin_mask", second.pid: "unetpp"}


def test_death_is_told_once_and_at_the_second_look(start: Start, tmp_path: Path) -> None:
    process, watching = start("unetpp"), watch(tmp_path)
    assert watching.look() == ()
    os.kill(process.pid, signal.SIGKILL)
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert watching.look() == ()
    assert [watching.count({"unetpp": 1}) for _ in range(2)] == [(), ()]  # not missing, too
    assert watching.look() == (SickStep("unetpp", "dead"),)
    assert watching.look() == ()
    assert watching.retained == 1
    process.wait()
    assert (watching.look(), watching.retained) == ((), 0)


def test_death_is_told_though_a_look_and_a_census_found_the_command_line_gone(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the kernel frees the memory of a killed process, it has no command line and is no zombie yet."""
    process, watching = start("unetpp"), watch(tmp_path)
    with monkeypatch.context() as freeing:
        freeing.setattr(psutil.Process, "cmdline", lambda self: [])
        assert watching.look() == ()
        watching.learn()
    assert watching.living == {process.pid: "unetpp"}
    process.kill()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert [watching.look() for _ in range(2)] == [(), (SickStep("unetpp", "dead"),)]


def test_step_that_its_parent_ended_is_not_sick(start: Start, tmp_path: Path) -> None:
    process, watching = start("unetpp"), watch(tmp_path)
    process.kill()
    process.wait()
    assert [watching.look() for _ in range(3)] == [(), (), ()]


def test_step_that_another_one_replaced_may_end_and_is_killed_when_it_does_not(start: Start, tmp_path: Path) -> None:
    first, watching = start("unetpp"), watch(tmp_path)
    watching.let_leave(watching.steps_of("unetpp"))
    watching.learn()
    assert watching.living == {}
    first.kill()
    while psutil.Process(first.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert [watching.look() for _ in range(3)] == [(), (), ()]
    second, watching = start("unetpp"), watch(tmp_path, step_limit_s=0.0)
    watching.let_leave([second.pid])
    assert watching.look() == ()
    assert second.wait(5) == -signal.SIGKILL


def test_stopped_step_is_told_and_can_be_ended(start: Start, tmp_path: Path) -> None:
    process, watching = start("threshold"), watch(tmp_path)
    process.send_signal(signal.SIGSTOP)
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        pass
    (sick,) = watching.look()
    assert sick == SickStep("threshold", "stopped", process.pid)
    sick.end()
    assert process.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize(("step_limit_s", "told"), [(0.0, True), (60.0, False)])
def test_step_busy_beyond_the_limit_hangs(
    step_limit_s: float, told: bool, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start("unetpp")
    watching = watch(tmp_path, step_limit_s)
    monkeypatch.setattr(os, "getpid", lambda: process.pid)  # the file is written as if by the step
    with Activity(tmp_path, model="unetpp", instance="unetpp_0_0").busy():
        assert watching.look() == ((SickStep("unetpp", "hung", process.pid),) if told else ())


def test_model_with_too_few_steps_at_two_counts_is_told(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("skin_mask")
    watching = watch(tmp_path)
    assert watching.count({"skin_mask": 2}) == ()
    assert watching.count({"skin_mask": 2}) == (SickStep("skin_mask", "missing"),)
    start("skin_mask")
    monkeypatch.setattr(step_watch, "_SCAN_PERIOD_S", 0.0)
    watching.look()
    assert [watching.count({"skin_mask": 2}) for _ in range(2)] == [(), ()]
