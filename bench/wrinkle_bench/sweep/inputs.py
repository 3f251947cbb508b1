"""What each model is sent: a photograph, and for the composing models the very tensors that it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tritonclient.http
from numpy.typing import NDArray

from wrinkle_core.contract import SegmenterContract, TensorContract, model
from wrinkle_server.running import RunningServer

__all__ = ["ModelInputs", "composing_inputs", "photo_input"]

ModelInputs = Mapping[str, NDArray[Any]]


def photo_input(photo: bytes) -> ModelInputs:
    """Return the input of an ensemble or a preprocessor: IMAGE, (bytes,) uint8."""
    return {"IMAGE": np.frombuffer(photo, np.uint8)}


def composing_inputs(server: RunningServer, spec: SegmenterContract, photo: bytes) -> dict[str, ModelInputs]:
    """Return the inputs of each step of an ensemble by model name, made by the running steps themselves."""
    known: dict[str, NDArray[Any]] = dict(photo_input(photo))
    inputs: dict[str, ModelInputs] = {}
    client = tritonclient.http.InferenceServerClient(f"{server.host}:{server.http_port}", network_timeout=120.0)
    try:
        for step in model(spec.ensemble).steps:
            contract = model(step.model_name)
            inputs[step.model_name] = {tensor.name: known[tensor.name] for tensor in contract.inputs}
            if contract.kind != "postprocess":
                tensors = [_tensor(tensor, known[tensor.name]) for tensor in contract.inputs]
                answer = client.infer(step.model_name, tensors)
                known |= {tensor.name: answer.as_numpy(tensor.name) for tensor in contract.outputs}
    finally:
        client.close()
    return inputs


def _tensor(contract: TensorContract, array: NDArray[Any]) -> Any:
    tensor = tritonclient.http.InferInput(contract.name, array.shape, contract.datatype)
    tensor.set_data_from_numpy(array)
    return tensor
