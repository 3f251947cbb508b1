"""Triton's ``config.pbtxt`` for every served model, built as protobuf from the tensor contract.

The *production* form (segmenters as TensorRT plans on a GPU) is committed in ``model_repository/``; the *CPU* form
(segmenters run by OpenVINO inside the Python backend) is written when a repository is assembled. What Triton has no
field for (axes, channel order, range, meaning) goes into ``parameters``, where a reader of the server's model
configuration finds it.

Source: Triton docs/user_guide/model_configuration.md, model_config.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.contract import CONTRACT_VERSION, ModelContract, TensorContract
from wrinkle_core.errors import ContractError

__all__ = ["GENERATED_NOTE", "PRODUCTION", "Deployment", "Runtime", "config_text", "model_config"]

GENERATED_NOTE: Final = "GENERATED from core/wrinkle_core/contract.py by make format. Do not edit."
MAX_QUEUE_SIZE: Final = 64  # waiting requests per model; one more is answered UNAVAILABLE
QUEUE_TIMEOUT_US: Final = 60_000_000

Runtime = Literal["tensorrt", "openvino"]
_DATATYPES: Final = {"UINT8": pb.TYPE_UINT8, "FP32": pb.TYPE_FP32}


@dataclass(frozen=True, slots=True)
class Deployment:
    """How the models of one repository are run.

    Attributes:
        runtime: What runs the segmenters.
        preprocess_instances: Processes per preprocessor, one core each.
        segmenter_instances: Execution copies per segmenter.
        threshold_instances: Processes of the threshold step, one core each.
        threads: OpenVINO threads per segmenter instance; 0 takes every core. Ignored by TensorRT.
        precision: OpenVINO inference precision: ``auto``, ``f32`` or ``bf16``. Ignored by TensorRT.
        cache_dir: Folder where OpenVINO keeps compiled networks; empty for none. Ignored by TensorRT.
    """

    runtime: Runtime
    preprocess_instances: int = 2
    segmenter_instances: int = 1
    threshold_instances: int = 2
    threads: int = 0
    precision: str = "auto"
    cache_dir: str = ""

    def __post_init__(self) -> None:
        counts = (self.preprocess_instances, self.segmenter_instances, self.threshold_instances)
        if min(counts) < 1 or self.threads < 0:
            raise ContractError(f"Instance counts {counts} must be at least 1 and threads {self.threads} at least 0.")


PRODUCTION: Final = Deployment("tensorrt", preprocess_instances=4)


def config_text(contract: ModelContract, deployment: Deployment) -> str:
    """Return the whole ``config.pbtxt`` of ``contract``, marked as generated."""
    return f"# {GENERATED_NOTE}\n{text_format.MessageToString(model_config(contract, deployment))}"


def model_config(contract: ModelContract, deployment: Deployment) -> pb.ModelConfig:
    """Return Triton's configuration of ``contract`` under ``deployment``."""
    config = pb.ModelConfig(
        name=contract.name,
        max_batch_size=contract.max_batch_size,
        input=[
            pb.ModelInput(name=t.name, data_type=_DATATYPES[t.datatype], dims=t.dims)  # (…) without the batch axis
            for t in contract.inputs
        ],
        output=[pb.ModelOutput(name=t.name, data_type=_DATATYPES[t.datatype], dims=t.dims) for t in contract.outputs],
    )
    for key, value in _parameters(contract).items():
        config.parameters[key].string_value = value
    if contract.kind == "ensemble":
        _set_ensemble(config, contract)
    else:
        _set_execution(config, contract, deployment)
    return config


def _parameters(contract: ModelContract) -> dict[str, str]:
    parameters = {"kind": contract.kind, "contract_version": str(CONTRACT_VERSION)}
    for tensor in (*contract.inputs, *contract.outputs):
        parameters |= {f"{tensor.name}.{key}": value for key, value in _tensor_parameters(tensor).items()}
    return parameters


def _tensor_parameters(tensor: TensorContract) -> dict[str, str]:
    low, high = tensor.value_range
    described = {"axes": tensor.axes, "range": f"{low:g}..{high:g}", "meaning": tensor.meaning}
    return described | ({"channels": ",".join(tensor.channels)} if tensor.channels else {})


def _set_ensemble(config: pb.ModelConfig, contract: ModelContract) -> None:
    config.platform = "ensemble"
    for step in contract.steps:
        config.ensemble_scheduling.step.add(
            model_name=step.model_name,
            model_version=-1,  # the newest
            input_map=dict(step.input_map),
            output_map=dict(step.output_map),
        )


def _set_execution(config: pb.ModelConfig, contract: ModelContract, deployment: Deployment) -> None:
    # A cache is keyed by inputs and not by request parameters, and would keep faces in memory.
    config.response_cache.enable = False
    queue = config.dynamic_batching.default_queue_policy
    queue.max_queue_size = MAX_QUEUE_SIZE
    queue.default_timeout_microseconds = QUEUE_TIMEOUT_US
    queue.allow_timeout_override = True
    on_gpu = contract.kind == "segment" and deployment.runtime == "tensorrt"
    config.instance_group.add(
        kind=pb.ModelInstanceGroup.KIND_GPU if on_gpu else pb.ModelInstanceGroup.KIND_CPU,
        count={
            "preprocess": deployment.preprocess_instances,
            "segment": deployment.segmenter_instances,
            "postprocess": deployment.threshold_instances,
        }[contract.kind],
    )
    if on_gpu:
        config.platform = "tensorrt_plan"
        config.backend = "tensorrt"
        config.default_model_filename = "model.plan"
    else:
        config.backend = "python"
        config.default_model_filename = "model.py"
    if contract.kind == "segment":
        _set_warmup(config, contract)
        if not on_gpu:
            config.parameters["threads"].string_value = str(deployment.threads)
            config.parameters["precision"].string_value = deployment.precision
            config.parameters["cache_dir"].string_value = deployment.cache_dir


def _set_warmup(config: pb.ModelConfig, contract: ModelContract) -> None:
    """Ask for one blank inference, so that the model counts as ready only once its kernels are compiled."""
    warmup = config.model_warmup.add(name="blank", batch_size=1)
    for tensor in contract.inputs:
        blank = warmup.inputs[tensor.name]
        blank.data_type = _DATATYPES[tensor.datatype]
        blank.dims.extend(tensor.dims)
        blank.zero_data = True
