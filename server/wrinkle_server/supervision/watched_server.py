"""One running server as its supervisor sees it: its steps, queues and memory."""

from __future__ import annotations

import itertools
import time
from typing import Final

from wrinkle_core.errors import ServerStartError, WrinkleError
from wrinkle_server.supervision.counter_reader import CounterReader
from wrinkle_server.supervision.memory import resident_bytes
from wrinkle_server.supervision.step_watch import StepWatch
from wrinkle_server.triton.model_server import ModelServer

__all__ = ["WatchedServer"]

_COUNT_PERIOD_S: Final = 5.0


class WatchedServer:
    """Watches one server from its first answer to its end; ``close`` ends the watch, not the server."""

    def __init__(self, server: ModelServer, step_limit_s: float) -> None:
        """Begin to watch.

        Raises:
            ServerStartError: The server has ended already.
        """
        if server.process_id is None:
            raise ServerStartError(f"tritonserver ended right after its start: {server.last_words()}")
        self._process_id = server.process_id
        self._admin = server.admin
        self._step_limit_s = step_limit_s
        self._steps = StepWatch(self._process_id, server.run_folder, step_limit_s)
        self._counters = CounterReader(server)
        self._counted_s = time.monotonic()
        self._reloads = itertools.count(1)
        self._counters.start()

    def close(self) -> None:
        """End the watch."""
        self._counters.close()

    def ailments(self) -> dict[str, str]:
        """Return what ails each sick model; steps that hang or are stopped are killed, so that Triton lets go of them.

        Raises:
            psutil.NoSuchProcess: The server is gone.
        """
        sick = self._steps.look()
        for step in sick:
            step.end()
        if not sick and time.monotonic() - self._counted_s > _COUNT_PERIOD_S:
            self._counted_s = time.monotonic()
            sick = self._steps.count(self._expected_steps())
        stuck = self._counters.queues.stuck_models(self._step_limit_s)
        return dict.fromkeys(stuck, "stuck") | {step.model: step.ailment for step in sick}

    def reload(self, model: str) -> None:
        """Load a model anew.

        Raises:
            psutil.NoSuchProcess: The server is gone.
            ServerUnreachableError: The server does not answer.
            ServerFaultError: It refuses.
        """
        replaced = self._steps.steps_of(model)
        self._admin.reload(model, str(next(self._reloads)))
        self._steps.let_leave(replaced)
        self._steps.learn()

    def idle_s(self, model: str) -> float:
        """Return for how long a model has answered nothing but errors, or nothing at all."""
        return self._counters.queues.idle_s(model)

    def silent_s(self) -> float:
        """Return for how long the server has told nothing of itself."""
        return self._counters.queues.silent_s()

    def retained_steps(self) -> int:
        """Return how many dead steps the server keeps, with their shared memory."""
        return self._steps.retained

    def resident_bytes(self) -> dict[int, int]:
        """Return the resident memory of the server and of each step."""
        return resident_bytes((self._process_id, *self._steps.living))

    def model_of(self, process_id: int) -> str | None:
        """Return the model whose step a process is, None for the server itself."""
        return self._steps.living.get(process_id)

    def python_models(self) -> tuple[str, ...]:
        """Return the models that have living steps."""
        return tuple(sorted(set(self._steps.living.values())))

    def _expected_steps(self) -> dict[str, int]:
        """Return how many processes each Python model should have; nothing while the server does not tell."""
        try:
            versions = self._admin.loaded()
            configs = {model: self._admin.config(model) for model in versions}
        except WrinkleError:
            return {}
        return {
            model: versions[model] * sum(int(group.get("count", 1)) for group in config["instance_group"])
            for model, config in configs.items()
            if config.get("backend") == "python"
        }
