"""The canary photograph through one version of a segmenter, past the ensemble and so past the users.

The three steps are asked one after the other as the ensemble would: preprocessing, the given version, threshold. A
server that is full of its users' requests is asked again until the time is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import tritonclient.grpc
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from wrinkle_core.contract import SegmenterContract, model
from wrinkle_core.errors import OverloadedError, ServerFaultError, ServerUnreachableError, from_wire
from wrinkle_server.supervision.canary import canary_photo
from wrinkle_server.supervision.canary_answer import CanaryAnswer
from wrinkle_server.triton.admin_api import AdminApi

__all__ = ["ensemble_answer", "version_answer"]

_UNANSWERED: Final = ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED")  # without an error of ours
_LEAST_WAIT_S: Final = 1.0
_MAX_REASON_CHARS: Final = 200
_PAUSE_S: Final = 0.2

Tensors = Mapping[str, NDArray[Any]]
_Infer = Callable[..., dict[str, NDArray[Any]]]


def version_answer(server: AdminApi, spec: SegmenterContract, version: int, timeout_s: float) -> CanaryAnswer:
    """Return what ``version`` of a segmenter makes of the canary photograph.

    Raises:
        WrinkleError: What the server answered, or that it did not.
        ServerFaultError: The answer is wrong.
    """

    def ask(infer: _Infer) -> dict[str, NDArray[Any]]:
        prepared = infer(spec.preprocessor, {"IMAGE": _photo()})
        found = infer(spec.name, {"INPUT": prepared["INPUT"]}, version)
        return infer("threshold", {**prepared, **found})

    outputs = _patiently(ask, server, timeout_s)
    return CanaryAnswer.checked(f"version {version} of {spec.name}", _bytes(outputs))


def ensemble_answer(server: AdminApi, spec: SegmenterContract, timeout_s: float) -> CanaryAnswer:
    """Return what a segmenter's ensemble makes of the canary photograph.

    Raises:
        WrinkleError: What the server answered, or that it did not.
        ServerFaultError: The answer is wrong.
    """
    outputs = _patiently(lambda infer: infer(spec.ensemble, {"IMAGE": _photo()}), server, timeout_s)
    return CanaryAnswer.checked(spec.ensemble, _bytes(outputs))


def _patiently(
    ask: Callable[[_Infer], dict[str, NDArray[Any]]], server: AdminApi, timeout_s: float
) -> dict[str, NDArray[Any]]:
    deadline = time.monotonic() + timeout_s
    with tritonclient.grpc.InferenceServerClient(f"{server.host}:{server.grpc_port}") as client:
        while True:
            left_s = max(_LEAST_WAIT_S, deadline - time.monotonic())
            try:
                return ask(partial(_infer, client, left_s))
            except OverloadedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)


def _photo() -> NDArray[np.uint8]:
    return np.frombuffer(canary_photo(), np.uint8)


def _infer(
    client: Any, timeout_s: float, model_name: str, tensors: Tensors, version: int | None = None
) -> dict[str, NDArray[Any]]:
    inputs = []
    for name, array in tensors.items():
        tensor = tritonclient.grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    try:
        result = client.infer(model_name, inputs, model_version=str(version or ""), client_timeout=timeout_s)
    except InferenceServerException as error:
        unknown = ServerUnreachableError if str(error.status()) in _UNANSWERED else ServerFaultError
        raise from_wire(str(error)) or unknown(f"{model_name}: {str(error)[:_MAX_REASON_CHARS]}") from error
    return {tensor.name: result.as_numpy(tensor.name) for tensor in model(model_name).outputs}


def _bytes(outputs: Tensors) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in outputs.items()}
