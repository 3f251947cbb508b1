"""How the models of one repository are run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES, DEFAULT_MAX_PIXELS
from wrinkle_core.errors import ContractError

__all__ = ["PRODUCTION", "Deployment", "Device", "Runtime"]

Runtime = Literal["tensorrt", "onnxruntime", "openvino"]
Device = Literal["gpu", "cpu"]
_SIDE_BY_SIDE: Final = 2  # more would make the first of a batch wait longer for the last


@dataclass(frozen=True, slots=True)
class Deployment:
    """How the models of one repository are run.

    Attributes:
        runtime: What runs the segmenters: a TensorRT plan, Triton's ONNX Runtime backend, or OpenVINO in a Python step.
        device: Where the segmenters run; TensorRT needs ``gpu``, OpenVINO ``cpu``.
        preprocess_instances: Processes per preprocessor, one core each.
        segmenter_instances: Execution copies per segmenter.
        threshold_instances: Processes of the threshold step, one core each.
        threads: Threads per segmenter copy on a CPU; 0 takes every core.
        cache_dir: Folder where OpenVINO keeps compiled networks; empty for none.
        queue_delay_us: How long the batcher of a segmenter waits for more requests.
        max_batch_size: Largest batch that a segmenter forms; 0 is the contract's on a GPU and 1 on a CPU, where a batch
            takes as long as its photographs one after the other, and each of them waits for the last; but 2 where
            OpenVINO runs them side by side, each on half of an even number of threads.
        max_waiting: Photographs that may wait ahead of a segmenter; a preprocessor refuses more before it decodes
            them. It bounds what an accepted request waits, to about this many times one inference.
        max_queue_size: Requests that may wait at one Python step; while more do, it refuses instead of working. A
            TensorRT or ONNX Runtime segmenter has no such bound of its own, only ``max_waiting`` ahead of it.
        max_encoded_bytes: Largest file that a preprocessor reads.
        max_pixels: Most pixels of a photograph that a preprocessor decodes.
    """

    runtime: Runtime
    device: Device = "cpu"
    preprocess_instances: int = 2
    segmenter_instances: int = 1
    threshold_instances: int = 2
    threads: int = 0
    cache_dir: str = ""
    queue_delay_us: int = 0
    max_batch_size: int = 0
    max_waiting: int = 16
    max_queue_size: int = 64
    max_encoded_bytes: int = DEFAULT_MAX_ENCODED_BYTES
    max_pixels: int = DEFAULT_MAX_PIXELS

    def __post_init__(self) -> None:
        counts = (self.preprocess_instances, self.segmenter_instances, self.threshold_instances)
        if min(counts) < 1 or min(self.threads, self.queue_delay_us, self.max_batch_size) < 0:
            raise ContractError(
                f"Instance counts {counts} must be at least 1, threads {self.threads}, queue delay "
                f"{self.queue_delay_us} and largest batch {self.max_batch_size} at least 0."
            )
        if not 1 <= self.max_waiting <= self.max_queue_size:
            raise ContractError(
                f"{self.max_waiting} photographs may wait ahead of a segmenter, but its queue holds "
                f"{self.max_queue_size}; let 1 or more wait, and no more than the queue holds."
            )
        if self.max_encoded_bytes < 1 or self.max_pixels < 1:
            raise ContractError(f"{self.max_encoded_bytes} bytes and {self.max_pixels} pixels must be 1 or more.")
        wanted = {"tensorrt": "gpu", "openvino": "cpu"}.get(self.runtime, self.device)
        if self.device != wanted:
            raise ContractError(f"Runtime {self.runtime} runs on a {wanted}, not on a {self.device}.")

    def batch_size(self, contract_limit: int) -> int:
        """Return the largest batch that a segmenter forms here; ``contract_limit`` is the contract's."""
        if self.device == "gpu":
            default = contract_limit
        else:
            default = _SIDE_BY_SIDE if self.runtime == "openvino" and self.threads % _SIDE_BY_SIDE == 0 else 1
        return min(contract_limit, self.max_batch_size or default)


# A GPU empties its queue between two looks at it: as many may wait as the queue holds.
PRODUCTION: Final = Deployment("tensorrt", "gpu", preprocess_instances=4, max_waiting=64)
