"""What every Python step of the Triton repository shares: reading tensors, packing answers, answering errors.

Only code that runs inside Triton's Python backend calls this; ``triton_python_backend_utils`` exists nowhere else, so
it is imported when first needed.

Errors of the caller are answered INVALID_ARG (HTTP 400) with ``errors.to_wire``. Anything unexpected is answered
INTERNAL as SERVER_FAULT: an exception that leaves ``execute`` would send its traceback, paths included, to the client,
and would fail the whole batch. The log gets the exception's type and the code lines it passed, never its message,
which may quote image content.

Source: Triton python_backend README.md, "Error Handling"; design: an exception in ``execute`` leaks a traceback.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError, InvalidInputError, ServerFaultError, WrinkleError, to_wire

__all__ = ["Tensors", "answer", "answer_each", "cancelled", "failure", "input_array", "request_parameters"]

Tensors = Mapping[str, NDArray[Any]]


@cache
def _triton() -> ModuleType:
    import triton_python_backend_utils as pb_utils

    module: ModuleType = pb_utils
    return module


def input_array(request: Any, name: str) -> NDArray[Any]:
    """Return the request's tensor ``name`` as an array over Triton's own memory.

    Raises:
        ContractError: The request has no such tensor.
    """
    tensor = _triton().get_input_tensor_by_name(request, name)
    if tensor is None:
        raise ContractError(f"The request has no tensor {name}.")
    array: NDArray[Any] = tensor.as_numpy()
    return array


def request_parameters(request: Any) -> dict[str, object]:
    """Return the request's parameters: the caller's, and those that Triton adds."""
    parameters: dict[str, object] = json.loads(request.parameters() or "{}")
    return parameters


def answer(tensors: Tensors) -> Any:
    """Return a response that carries ``tensors`` by name."""
    pb_utils = _triton()
    outputs = [pb_utils.Tensor(name, np.ascontiguousarray(array)) for name, array in tensors.items()]
    return pb_utils.InferenceResponse(output_tensors=outputs)


def failure(error: Exception) -> Any:
    """Return a response that tells of ``error`` without giving away anything of the server."""
    pb_utils = _triton()
    if isinstance(error, InvalidInputError | ContractError):
        return pb_utils.InferenceResponse(error=pb_utils.TritonError(to_wire(error), pb_utils.TritonError.INVALID_ARG))
    _log_without_content(error)
    known = error if isinstance(error, WrinkleError) else ServerFaultError("The server failed; its log says where.")
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(to_wire(known), pb_utils.TritonError.INTERNAL))


def cancelled(request: Any) -> Any | None:
    """Return the response to a request whose caller has gone away, or None when it still waits."""
    if not request.is_cancelled():
        return None
    pb_utils = _triton()
    return pb_utils.InferenceResponse(
        error=pb_utils.TritonError("The caller cancelled.", pb_utils.TritonError.CANCELLED)
    )


def answer_each(requests: Sequence[Any], step: Callable[[Any], Tensors]) -> list[Any]:
    """Return one response per request, each made by ``step``; a request that fails leaves the others alone."""
    return [cancelled(request) or _answer_one(request, step) for request in requests]


def _answer_one(request: Any, step: Callable[[Any], Tensors]) -> Any:
    try:
        return answer(step(request))
    except Exception as error:
        return failure(error)


def _log_without_content(error: Exception) -> None:
    frames = traceback.extract_tb(error.__traceback__)
    where = "; ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    _triton().Logger.log_error(f"{type(error).__name__} at {where}")
