"""The base of every Python step: one process that answers requests, seen by the supervisor, counted and logged."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from wrinkle_core.contract_version import require_contract_version
from wrinkle_core.errors import OverloadedError, ServerFaultError, WrinkleError
from wrinkle_server.steps.activity import Activity
from wrinkle_server.steps.backend import (
    ModelParameters,
    Tensors,
    answer,
    cancelled,
    instance_count,
    refusal,
    warm_up_requests,
)
from wrinkle_server.steps.metrics import failed_requests
from wrinkle_server.steps.own_queue import OwnQueue
from wrinkle_server.steps.request_log import RequestLog
from wrinkle_server.steps.run_folder import run_folder

__all__ = ["Step"]


class Step(ABC):
    """What Triton calls a ``TritonPythonModel``."""

    def initialize(self, args: dict[str, str]) -> None:
        """Begin to be watched; a step that loads something extends this.

        Raises:
            ContractError: The repository was assembled for another version of the tensor contract, or lacks a bound.
        """
        parameters = ModelParameters(args)
        require_contract_version(
            int(parameters["contract_version"]),
            of="The model repository",
            here="this package",
            renew="assemble it again with `wrinkle export repository`",
        )
        model, instance = args["model_name"], args["model_instance_name"]
        self._queue = OwnQueue(
            run_folder(),
            model,
            max_queue_size=int(parameters["max_queue_size"]),
            instances=instance_count(args),
            warm_up_requests=warm_up_requests(args),
        )
        self._failed_requests = failed_requests(model)
        self._log = RequestLog(model=model, instance=instance)
        self._activity = Activity(run_folder(), model=model, instance=instance)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Return one response per request, in order."""
        with self._activity.busy():
            return self._answer(requests)

    def finalize(self) -> None:
        """Leave nothing behind."""
        self._activity.remove()

    @abstractmethod
    def _answer(self, requests: Sequence[Any]) -> list[Any]:
        """Return one response per request, in order; raise nothing."""

    def _answer_each(self, requests: Sequence[Any], step: Callable[[Any], Tensors]) -> list[Any]:
        """Return one response per request, each made by ``step``; a request that fails leaves the others alone."""
        return [self._answer_one(request, step) for request in requests]

    def _answer_one(self, request: Any, step: Callable[[Any], Tensors]) -> Any:
        self._activity.restart_clock()
        turned_away = self._turned_away(request)
        if turned_away is not None:
            return turned_away
        began = time.monotonic()
        try:
            return answer(step(request))
        except Exception as error:
            return self._failure(request, error, time.monotonic() - began)

    def _turned_away(self, request: Any) -> Any | None:
        """Return the response to a request whose caller has gone, or behind which too many wait; else None."""
        try:
            self._queue.take()
        except OverloadedError as error:
            return cancelled(request) or self._failure(request, error, 0.0)
        return cancelled(request)

    def _failure(self, request: Any, error: Exception, seconds: float) -> Any:
        """Return the response that tells of ``error``, after counting and logging it.

        Anything unexpected is told as SERVER_FAULT: its message may quote content or name the server's files.
        """
        known = error if isinstance(error, WrinkleError) else ServerFaultError("The server failed; its log says where.")
        self._failed_requests.count(known.code)
        self._log.failed(error, known, request_id=request.request_id(), seconds=seconds)
        return refusal(known)
