"""Python steps that died, stopped or hang.

Triton never restarts a Python step that was killed (out of memory, most often) and never gives up one that hangs in a
native call: model and server stay READY for ever. A killed step stays a zombie of the server for as long as its model
is loaded, while one that Triton ends itself is reaped at once, which tells a death from a reload. One that was killed
in the middle of a request stays for good, with its region in shared memory and some 36 threads of the server: Triton
waits for that request, and unloads the old model never.

Source: seen on Triton 2.51; triton-inference-server/server issues 7230, 8604, 8841.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil

from wrinkle_server.steps.activity import read_activities

__all__ = ["SickStep", "StepWatch"]

Ailment = Literal["dead", "stopped", "hung", "missing"]
_STEP_FILE: Final = "model.py"
_SCAN_PERIOD_S: Final = 2.0  # finding a process's children reads every process of the machine
_LIMITS_TO_LEAVE: Final = 3  # step limits that a replaced step may take for what still waits at it


@dataclass(frozen=True, slots=True)
class SickStep:
    """One Python step that cannot serve; ``process_id`` is None when there is no process left to end."""

    model: str
    ailment: Ailment
    process_id: int | None = None

    def end(self) -> None:
        """Kill the process when it still exists: Triton cannot end a step that does not listen."""
        if self.process_id is not None:
            with suppress(psutil.NoSuchProcess):
                _kill(psutil.Process(self.process_id))


class StepWatch:
    """Looks at the Python steps of one running ``tritonserver``.

    Args:
        tritonserver_id: Process id of the server.
        run_folder: Where its steps tell what they do.
        step_limit_s: How long one call of a step may take.
    """

    def __init__(self, tritonserver_id: int, run_folder: Path, step_limit_s: float) -> None:
        self._server = psutil.Process(tritonserver_id)
        self._run_folder = run_folder
        self._step_limit_s = step_limit_s
        self._living: dict[int, str] = {}
        self._zombies: dict[int, str] = {}
        self._leaving: dict[int, float] = {}
        self._remains: set[int] = set()
        self._retained = 0
        self._too_few: set[str] = set()
        self._children: list[psutil.Process] = []
        self._scanned_s = 0.0
        self.learn()

    @property
    def living(self) -> Mapping[int, str]:
        """The model of each process that was alive at the last look."""
        return self._living

    @property
    def retained(self) -> int:
        """How many dead processes the server had at the last two looks and has not let go of."""
        return self._retained

    def learn(self) -> None:
        """Take note of the steps there are now: of one that dies unknown nobody can tell whose it was.

        Raises:
            psutil.NoSuchProcess: The server itself is gone.
        """
        self._scan()
        for process in self._children:
            if process.pid not in self._leaving and (model := _model_of(process)) is not None:
                self._living[process.pid] = model

    def steps_of(self, model: str) -> frozenset[int]:
        """Return the processes of a model that were alive at the last look."""
        return frozenset(process_id for process_id, name in self._living.items() if name == model)

    def let_leave(self, process_ids: Iterable[int]) -> None:
        """Expect these steps to end, because others took their place: that is no death, and they count no more.

        One that stays for several step limits is killed.
        """
        now_s = time.monotonic()
        for process_id in process_ids:
            self._living.pop(process_id, None)
            self._zombies.pop(process_id, None)
            self._leaving[process_id] = now_s

    def look(self) -> tuple[SickStep, ...]:
        """Return the steps that died, were stopped or hang; each is told once.

        Steps that Triton started without ``learn`` are seen within two seconds.

        Raises:
            psutil.NoSuchProcess: The server itself is gone.
        """
        sick = list(self._dead_and_stopped())
        for activity in read_activities(self._run_folder):
            if activity.pid in self._living and activity.busy_for_s > self._step_limit_s:
                sick.append(SickStep(self._living.pop(activity.pid), "hung", activity.pid))
        return tuple(sick)

    def count(self, expected: Mapping[str, int]) -> tuple[SickStep, ...]:
        """Return the models that had too few processes at this count and the one before.

        Args:
            expected: Number of processes that each Python model should have.
        """
        counted = Counter([*self._living.values(), *self._zombies.values()])  # the next look tells of the dead
        before, self._too_few = self._too_few, {model for model, count in expected.items() if counted[model] < count}
        return tuple(SickStep(model, "missing") for model in sorted(before & self._too_few))

    def _scan(self) -> None:
        self._children = self._server.children()
        self._scanned_s = time.monotonic()

    def _dead_and_stopped(self) -> Iterator[SickStep]:
        if time.monotonic() - self._scanned_s > _SCAN_PERIOD_S:
            self._scan()
        living, zombies, remains, leaving = {}, {}, set(), {}
        for process in self._children:
            try:
                status = process.status()
            except psutil.NoSuchProcess:
                continue
            if status == psutil.STATUS_ZOMBIE:
                remains.add(process.pid)
            if process.pid in self._leaving:
                leaving[process.pid] = left_s = self._leaving[process.pid]
                if time.monotonic() - left_s > _LIMITS_TO_LEAVE * self._step_limit_s:
                    _kill(process)
            elif status == psutil.STATUS_ZOMBIE:
                if process.pid in self._zombies:  # for a moment, one that Triton ends is a zombie too
                    yield SickStep(self._zombies[process.pid], "dead")
                elif process.pid in self._living:
                    zombies[process.pid] = self._living[process.pid]
            # While the kernel frees the memory of a killed process it is no zombie and has no command line any more.
            elif (model := self._living.get(process.pid) or _model_of(process)) is not None:
                if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP):
                    yield SickStep(model, "stopped", process.pid)
                else:
                    living[process.pid] = model
        self._living, self._zombies, self._leaving = living, zombies, leaving
        self._retained, self._remains = len(self._remains & remains), remains


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


def _model_of(process: psutil.Process) -> str | None:
    """Return the model whose step a process is: its first argument is ``MODEL/VERSION/model.py``."""
    try:
        command = process.cmdline()
    except psutil.NoSuchProcess:
        return None
    step = Path(command[1]) if len(command) > 1 else None
    return step.parts[-3] if step is not None and step.name == _STEP_FILE else None
