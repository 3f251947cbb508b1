"""Python steps that died, and bringing them back.

Triton never restarts a Python step that was killed (out of memory, most often): model and server stay READY for ever,
and the requests that meet the dead process fail after a second. Loading the same model again starts its steps anew.

Source: seen on Triton 2.51; triton-inference-server/server issues 7230, 8604, 8841.
"""

from __future__ import annotations

import http.client
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final

import psutil

from wrinkle_core.errors import ServerFaultError
from wrinkle_server.triton.options import ADMIN_HEADER, ServerOptions

__all__ = ["StepWatch", "load_again"]

_STEP_FILE: Final = "model.py"
_LOAD_TIMEOUT_S: Final = 180.0


class StepWatch:
    """Counts the Python steps of a running server; made once every model is ready."""

    def __init__(self, tritonserver_id: int) -> None:
        self._server = psutil.Process(tritonserver_id)
        self._expected = self._living()

    def hurt_models(self) -> tuple[str, ...]:
        """Return the models that have fewer living processes than they had at first.

        Raises:
            psutil.NoSuchProcess: The server itself is gone.
        """
        living = self._living()
        return tuple(sorted(name for name, count in self._expected.items() if living[name] < count))

    def _living(self) -> Counter[str]:
        """Return the number of living steps per model: a step's first argument is ``MODEL/VERSION/model.py``."""
        commands = [_command_of_living(process) for process in self._server.children()]
        steps = [Path(command[1]) for command in commands if len(command) > 1]
        return Counter(step.parts[-3] for step in steps if step.name == _STEP_FILE)


def _command_of_living(process: psutil.Process) -> list[str]:
    try:
        return [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except psutil.NoSuchProcess:
        return []


def load_again(options: ServerOptions, admin_key: str, model_name: str) -> None:
    """Have the server load a model anew; requests to it wait or are answered by what still lives.

    Raises:
        ServerFaultError: The server refused or did not answer.
    """
    target = f"/v2/repository/models/{model_name}/load"
    with closing(http.client.HTTPConnection(options.host, options.http_port, timeout=_LOAD_TIMEOUT_S)) as connection:
        try:
            connection.request("POST", target, headers={ADMIN_HEADER: admin_key})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise ServerFaultError(f"{model_name} was not loaded again: {type(error).__name__}.") from error
    if status != http.client.OK:
        raise ServerFaultError(f"{model_name} was not loaded again: HTTP {status}.")
