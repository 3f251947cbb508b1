"""The canary photograph through one version of a segmenter, past the ensemble and so past the users.

The three steps are asked one after the other as the ensemble would: preprocessing, the given version, threshold. A
server that is full of its users' requests is asked again until the time is over.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import tritonclient.http
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from wrinkle_core.contract import SegmenterContract, model
from wrinkle_core.errors import OverloadedError, ServerFaultError, ServerUnreachableError, from_wire
from wrinkle_server.supervision.canary import canary_photo
from wrinkle_server.supervision.canary_answer import CanaryAnswer
from wrinkle_server.triton.admin_api import AdminApi

__all__ = ["ensemble_answer", "version_answer"]

_UNAVAILABLE: Final = "503"
_MAX_REASON_CHARS: Final = 200
_PAUSE_S: Final = 0.2

Tensors = Mapping[str, NDArray[Any]]


def version_answer(server: AdminApi, spec: SegmenterContract, version: int, timeout_s: float) -> CanaryAnswer:
    """Return what ``version`` of a segmenter makes of the canary photograph.

    Raises:
        WrinkleError: What the server answered, or that it did not.
        ServerFaultError: The answer is wrong.
    """

    def ask(client: Any) -> dict[str, NDArray[Any]]:
        prepared = _infer(client, spec.preprocessor, {"IMAGE": _photo()})
        found = _infer(client, spec.name, {"INPUT": prepared["INPUT"]}, version)
        return _infer(client, "threshold", {**prepared, **found})

    outputs = _patiently(ask, server, timeout_s)
    return CanaryAnswer.checked(f"version {version} of {spec.name}", _bytes(outputs))


def ensemble_answer(server: AdminApi, spec: SegmenterContract, timeout_s: float) -> CanaryAnswer:
    """Return what a segmenter's ensemble makes of the canary photograph.

    Raises:
        WrinkleError: What the server answered, or that it did not.
        ServerFaultError: The answer is wrong.
    """
    outputs = _patiently(lambda client: _infer(client, spec.ensemble, {"IMAGE": _photo()}), server, timeout_s)
    return CanaryAnswer.checked(spec.ensemble, _bytes(outputs))


def _patiently(
    ask: Callable[[Any], dict[str, NDArray[Any]]], server: AdminApi, timeout_s: float
) -> dict[str, NDArray[Any]]:
    deadline = time.monotonic() + timeout_s
    address = f"[{server.host}]" if ":" in server.host else server.host
    with tritonclient.http.InferenceServerClient(
        f"{address}:{server.http_port}", connection_timeout=timeout_s, network_timeout=timeout_s
    ) as client:
        while True:
            try:
                return ask(client)
            except OverloadedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)


def _photo() -> NDArray[np.uint8]:
    return np.frombuffer(canary_photo(), np.uint8)


def _infer(client: Any, model_name: str, tensors: Tensors, version: int | None = None) -> dict[str, NDArray[Any]]:
    inputs = []
    for name, array in tensors.items():
        tensor = tritonclient.http.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    try:
        result = client.infer(model_name, inputs, model_version=str(version or ""))
    except InferenceServerException as error:
        unknown = OverloadedError if error.status() == _UNAVAILABLE else ServerFaultError
        raise from_wire(str(error)) or unknown(f"{model_name}: {str(error)[:_MAX_REASON_CHARS]}") from error
    except (OSError, http.client.HTTPException) as error:
        raise ServerUnreachableError(f"{model_name} was not answered: {type(error).__name__}.") from error
    return {tensor.name: result.as_numpy(tensor.name) for tensor in model(model_name).outputs}


def _bytes(outputs: Tensors) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in outputs.items()}
