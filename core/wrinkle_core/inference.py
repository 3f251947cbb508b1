"""Running a segmenter's ONNX file or IR on a CPU with OpenVINO: for the Triton step, evaluation and tests alike.

Normalisation, activation and quantisation are part of the graph (see contract.py), so this only moves bytes.

One photograph is soonest done on all cores. Their threads wait for each other at every layer, though: several
photographs are done sooner side by side, each on its share of the threads, which never wait. Measured on two cores,
two photographs: 0.965 of the processor time of one after the other for the papers' ``unetpp``, 0.81 and 0.86 for the
shipped ``unetpp`` and ``unet_texture``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError, ContractError
from wrinkle_core.openvino_core import openvino_core, ov

__all__ = ["OnnxSegmenter", "Precision"]

Precision = Literal["auto", "f32", "bf16"]
_PRECISIONS: Final = {"f32": "f32", "bf16": "bf16"}
_THREADS: Final = "INFERENCE_NUM_THREADS"


class OnnxSegmenter:
    """One compiled segmenter.

    Args:
        model_path: ONNX file, or ``model.xml`` of an IR, with input INPUT uint8 [N, C, S, S] and output PROBABILITY
            uint8 [N, S, S].
        threads: Intra-op threads; None lets OpenVINO take all cores.
        precision: ``f32`` or ``bf16``; ``auto`` leaves it to OpenVINO, which takes bf16 where the processor has it. An
            ONNX file in bf16 loses faint wrinkles: only an IR can keep its shallow layers in f32.
        cache_dir: Folder for compiled models; None keeps none.
        side_by_side: Photographs of a batch that run at once at most; more than one compiles the model twice. It is the
            largest such number that shares the threads without a rest.

    Raises:
        ArtifactError: The file is missing, is no model, or its ports differ from the contract.
    """

    def __init__(
        self,
        model_path: Path,
        *,
        threads: int | None = None,
        precision: Precision = "f32",
        cache_dir: Path | None = None,
        side_by_side: int = 1,
    ) -> None:
        core = openvino_core()
        config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            config[_THREADS] = threads
        if precision in _PRECISIONS:
            config["INFERENCE_PRECISION_HINT"] = _PRECISIONS[precision]
        if cache_dir is not None:
            config["CACHE_DIR"] = str(cache_dir)
        try:
            model = core.read_model(model_path)
        except RuntimeError as error:
            raise ArtifactError(f"{model_path.name} cannot be read as an ONNX or IR model; export it again.") from error
        self.input_shape = _checked_shape(model, model_path.name)
        compiled = core.compile_model(model, "CPU", config)
        self._request = compiled.create_infer_request()
        self._queue: ov.AsyncInferQueue | None = None
        all_threads = int(compiled.get_property(_THREADS))
        streams = max(count for count in range(1, side_by_side + 1) if all_threads % count == 0)
        if streams > 1:
            config |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": streams, _THREADS: all_threads}
            self._queue = ov.AsyncInferQueue(core.compile_model(model, "CPU", config), streams)

    def infer(self, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return wrinkle probabilities times 255.

        Not safe to call from several threads at once: make one object for each.

        Args:
            network_input: (N, C, S, S) uint8.

        Returns:
            (N, S, S) uint8.

        Raises:
            ContractError: Shape or dtype does not fit the model.
        """
        if network_input.dtype != np.uint8 or network_input.ndim != 4 or network_input.shape[1:] != self.input_shape:
            raise ContractError(
                f"INPUT must be uint8 (N, {', '.join(map(str, self.input_shape))}), "
                f"got {network_input.dtype} {network_input.shape}."
            )
        network_input = np.ascontiguousarray(network_input)
        if self._queue is not None and len(network_input) > 1:
            return _side_by_side(self._queue, network_input)
        self._request.infer({"INPUT": ov.Tensor(network_input, shared_memory=True)})
        return np.array(self._request.get_tensor("PROBABILITY").data)


def _side_by_side(queue: ov.AsyncInferQueue, network_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, _, height, width = network_input.shape
    probability = np.empty((count, height, width), np.uint8)

    def keep(request: ov.InferRequest, index: int) -> None:
        probability[index] = request.get_tensor("PROBABILITY").data[0]

    queue.set_callback(keep)
    for index in range(count):
        queue.start_async({"INPUT": ov.Tensor(network_input[index : index + 1], shared_memory=True)}, index)
    queue.wait_all()
    return probability


def _checked_shape(model: Any, name: str) -> tuple[int, int, int]:
    inputs = {port: p for p in model.inputs for port in p.get_names()}
    outputs = {port: p for p in model.outputs for port in p.get_names()}
    if "INPUT" not in inputs or "PROBABILITY" not in outputs or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ArtifactError(
            f"{name} must have one input INPUT and one output PROBABILITY, has {sorted(inputs)} and {sorted(outputs)}."
        )
    source, result = inputs["INPUT"], outputs["PROBABILITY"]
    shape = source.get_partial_shape()
    if source.get_element_type() != ov.Type.u8 or result.get_element_type() != ov.Type.u8:
        raise ArtifactError(f"{name} must take and give uint8.")
    if shape.rank.get_length() != 4 or not all(shape[axis].is_static for axis in (1, 2, 3)):
        raise ArtifactError(f"{name}: INPUT must be [N, C, S, S] with fixed C and S, is {shape}.")
    channels, height, width = (int(shape[axis].get_length()) for axis in (1, 2, 3))
    return channels, height, width
