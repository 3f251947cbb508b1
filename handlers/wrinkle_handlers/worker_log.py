"""A worker's lines in TorchServe's model log: one JSON object each, no image content, no exception's message."""

from __future__ import annotations

import json
import logging
from typing import Final

from wrinkle_core.errors import WrinkleError
from wrinkle_server.steps.request_log import RequestLog

__all__ = ["WorkerLog"]

_LOGGER: Final = logging.getLogger("wrinkle_handlers")


class WorkerLog:
    """The log of one worker; failed requests are bounded per second as in the Triton steps."""

    def __init__(self, *, model: str, instance: str) -> None:
        self._model = model
        self._requests = RequestLog(model=model, instance=instance, logger=_StandardOutput())

    def ready(self, *, device: str, precision: str, compiled: bool) -> None:
        """Tell that the worker can answer."""
        line = {"event": "worker_ready", "model": self._model, "device": device, "precision": precision}
        _LOGGER.info(json.dumps(line | {"compiled": compiled}))

    def failed(self, error: Exception, known: WrinkleError, *, request_id: str, seconds: float) -> None:
        """Tell of a request that failed; see ``RequestLog.failed``."""
        self._requests.failed(error, known, request_id=request_id, seconds=seconds)


class _StandardOutput:
    """Python's logging under the names of Triton's logger; TorchServe reads a worker's standard output."""

    def log_warn(self, line: str) -> None:
        _LOGGER.warning(line)

    def log_error(self, line: str) -> None:
        _LOGGER.error(line)
