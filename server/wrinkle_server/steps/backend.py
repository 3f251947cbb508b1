"""Between Triton's Python backend and this package: reading tensors, packing answers and errors.

Only code that runs inside Triton's Python backend calls this; ``triton_python_backend_utils`` exists nowhere else, so
it is imported when first needed.

Errors of the caller are answered INVALID_ARG (HTTP 400), overload UNAVAILABLE (503), all else INTERNAL (500), each with
``errors.to_wire``. An exception that leaves ``execute`` would send its traceback, paths included, to the client, and
would fail the whole batch.

Source: Triton python_backend README.md, "Error Handling"; design: an exception in ``execute`` leaks a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import (
    ContractError,
    InvalidInputError,
    OverloadedError,
    WrinkleError,
    to_wire,
)

__all__ = [
    "ModelParameters",
    "Tensors",
    "answer",
    "cancelled",
    "input_array",
    "instance_count",
    "max_batch_size",
    "refusal",
    "request_parameters",
    "triton",
    "warm_up_requests",
]

Tensors = Mapping[str, NDArray[Any]]


@cache
def triton() -> ModuleType:
    """Return Triton's module for Python steps."""
    import triton_python_backend_utils as pb_utils

    module: ModuleType = pb_utils
    return module


class ModelParameters(dict[str, str]):
    """The ``parameters`` of a model's ``config.pbtxt``; one that is missing raises ContractError."""

    def __init__(self, args: Mapping[str, str]) -> None:
        """Read what Triton hands to ``initialize``."""
        given = json.loads(args["model_config"])["parameters"]
        super().__init__({name: value["string_value"] for name, value in given.items()})
        self._model = args["model_name"]

    def __missing__(self, name: str) -> str:
        raise ContractError(f"config.pbtxt of {self._model} lacks {name}; assemble the repository again.")


def instance_count(args: Mapping[str, str]) -> int:
    """Return how many instances of the model Triton runs, from what it hands to ``initialize``."""
    return sum(int(group["count"]) for group in json.loads(args["model_config"])["instance_group"])


def max_batch_size(args: Mapping[str, str]) -> int:
    """Return the largest batch that Triton forms for the model, from what it hands to ``initialize``."""
    return max(1, int(json.loads(args["model_config"])["max_batch_size"]))


def warm_up_requests(args: Mapping[str, str]) -> int:
    """Return how many warm-up requests Triton sends to each instance before callers' requests."""
    samples = json.loads(args["model_config"]).get("model_warmup", ())
    return sum(max(1, int(one.get("batch_size", 1))) * max(1, int(one.get("count", 1))) for one in samples)


def input_array(request: Any, name: str) -> NDArray[Any]:
    """Return the request's tensor ``name`` as an array over Triton's own memory.

    Raises:
        ContractError: The request has no such tensor.
    """
    tensor = triton().get_input_tensor_by_name(request, name)
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
    pb_utils = triton()
    outputs = [pb_utils.Tensor(name, np.ascontiguousarray(array)) for name, array in tensors.items()]
    return pb_utils.InferenceResponse(output_tensors=outputs)


def refusal(error: WrinkleError) -> Any:
    """Return a response that tells of ``error``."""
    pb_utils = triton()
    kinds = pb_utils.TritonError
    if isinstance(error, InvalidInputError | ContractError):
        kind = kinds.INVALID_ARG
    elif isinstance(error, OverloadedError):
        kind = kinds.UNAVAILABLE
    else:
        kind = kinds.INTERNAL
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(to_wire(error), kind))


def cancelled(request: Any) -> Any | None:
    """Return the response to a request whose caller has gone away, or None when it still waits."""
    if not request.is_cancelled():
        return None
    pb_utils = triton()
    return pb_utils.InferenceResponse(
        error=pb_utils.TritonError("The caller cancelled.", pb_utils.TritonError.CANCELLED)
    )
