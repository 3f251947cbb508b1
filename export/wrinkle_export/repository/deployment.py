"""How the models of one repository are run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from wrinkle_core.errors import ContractError

__all__ = ["PRODUCTION", "Deployment", "Device", "Runtime"]

Runtime = Literal["tensorrt", "onnxruntime", "openvino"]
Device = Literal["gpu", "cpu"]


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
        precision: OpenVINO inference precision: ``auto``, ``f32`` or ``bf16``.
        cache_dir: Folder where OpenVINO keeps compiled networks; empty for none.
        queue_delay_us: How long the batcher of a segmenter waits for more requests.
    """

    runtime: Runtime
    device: Device = "cpu"
    preprocess_instances: int = 2
    segmenter_instances: int = 1
    threshold_instances: int = 2
    threads: int = 0
    precision: str = "auto"
    cache_dir: str = ""
    queue_delay_us: int = 0

    def __post_init__(self) -> None:
        counts = (self.preprocess_instances, self.segmenter_instances, self.threshold_instances)
        if min(counts) < 1 or self.threads < 0 or self.queue_delay_us < 0:
            raise ContractError(
                f"Instance counts {counts} must be at least 1, threads {self.threads} and queue delay "
                f"{self.queue_delay_us} at least 0."
            )
        wanted = {"tensorrt": "gpu", "openvino": "cpu"}.get(self.runtime, self.device)
        if self.device != wanted:
            raise ContractError(f"Runtime {self.runtime} runs on a {wanted}, not on a {self.device}.")


PRODUCTION: Final = Deployment("tensorrt", "gpu", preprocess_instances=4)
