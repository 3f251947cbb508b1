"""Triton's ``config.pbtxt`` for every served model, built as protobuf from the tensor contract.

The *production* form (segmenters as TensorRT plans on a GPU) is committed in ``model_repository/``; every form is
written when a repository is assembled. What Triton has no
field for (axes, channel order, range, meaning) goes into ``parameters``, where a reader of the server's model
configuration finds it.

Source: Triton docs/user_guide/model_configuration.md, model_config.proto.
"""

from __future__ import annotations

from typing import Final

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.contract import CONTRACT_VERSION, ModelContract, TensorContract, model
from wrinkle_export.repository.deployment import Deployment
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["GENERATED_NOTE", "config_text", "model_config"]

GENERATED_NOTE: Final = "GENERATED from core/wrinkle_core/contract.py by make format. Do not edit."

_DATATYPES: Final = {"UINT8": pb.TYPE_UINT8, "FP32": pb.TYPE_FP32}


def config_text(
    contract: ModelContract, deployment: Deployment, network: ServedNetwork | None = None, version: int = 1
) -> str:
    """Return the whole ``config.pbtxt`` of ``contract``, marked as generated."""
    return f"# {GENERATED_NOTE}\n{text_format.MessageToString(model_config(contract, deployment, network, version))}"


def model_config(
    contract: ModelContract, deployment: Deployment, network: ServedNetwork | None = None, version: int = 1
) -> pb.ModelConfig:
    """Return Triton's configuration of ``contract`` under ``deployment``.

    Args:
        contract: Any served model.
        deployment: How it is run.
        network: The files of a segmenter; None for the committed form, which has none.
        version: The version of the segmenters that is loaded, and that their ensembles run.
    """
    config = pb.ModelConfig(
        name=contract.name,
        max_batch_size=deployment.batch_size(contract.max_batch_size),
        input=[
            pb.ModelInput(name=t.name, data_type=_DATATYPES[t.datatype], dims=t.dims)  # (…) without the batch axis
            for t in contract.inputs
        ],
        output=[pb.ModelOutput(name=t.name, data_type=_DATATYPES[t.datatype], dims=t.dims) for t in contract.outputs],
    )
    for key, value in _parameters(contract).items():
        config.parameters[key].string_value = value
    if contract.kind == "ensemble":
        _set_ensemble(config, contract, version)
        return config
    _set_queue(config)
    if contract.kind == "segment":
        config.version_policy.specific.versions.append(version)
        _set_segmenter(config, contract, deployment, network)
    elif contract.kind == "preprocess":
        _set_python_step(config, deployment.preprocess_instances, deployment)
        for key in ("max_encoded_bytes", "max_pixels", "max_waiting"):
            config.parameters[key].string_value = str(getattr(deployment, key))
    else:
        _set_python_step(config, deployment.threshold_instances, deployment)
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


def _set_ensemble(config: pb.ModelConfig, contract: ModelContract, version: int) -> None:
    config.platform = "ensemble"
    for step in contract.steps:
        config.ensemble_scheduling.step.add(
            model_name=step.model_name,
            # A new network is loaded beside the serving one and then promoted; the other steps have one version.
            model_version=version if model(step.model_name).kind == "segment" else -1,
            input_map=dict(step.input_map),
            output_map=dict(step.output_map),
        )


def _set_queue(config: pb.ModelConfig) -> None:
    # A cache is keyed by inputs and not by request parameters, and would keep faces in memory.
    config.response_cache.enable = False
    # No queue policy: with any, a request waits up to half a second beside a free instance (ADR 018).
    config.dynamic_batching.SetInParent()


def _set_python_step(config: pb.ModelConfig, instances: int, deployment: Deployment) -> None:
    config.parameters["max_queue_size"].string_value = str(deployment.max_queue_size)
    config.instance_group.add(kind=pb.ModelInstanceGroup.KIND_CPU, count=instances)
    config.backend = "python"
    config.default_model_filename = "model.py"


def _set_segmenter(
    config: pb.ModelConfig, contract: ModelContract, deployment: Deployment, network: ServedNetwork | None
) -> None:
    if deployment.queue_delay_us:
        config.dynamic_batching.max_queue_delay_microseconds = deployment.queue_delay_us
    _add_warmup(config, contract, "blank", 1)
    if deployment.runtime == "openvino":
        _set_python_step(config, deployment.segmenter_instances, deployment)
        for key, value in (
            ("threads", deployment.threads),
            ("cache_dir", deployment.cache_dir),
            ("precision", network.openvino_hint if network else "auto"),
            ("network", network.main_file if network else "model.xml"),
        ):
            config.parameters[key].string_value = str(value)
        return
    on_gpu = deployment.device == "gpu"
    kind = pb.ModelInstanceGroup.KIND_GPU if on_gpu else pb.ModelInstanceGroup.KIND_CPU
    config.instance_group.add(kind=kind, count=deployment.segmenter_instances)
    if config.max_batch_size > 1:
        _add_warmup(config, contract, "blank_full_batch", config.max_batch_size)  # kernels are chosen per batch size
    if deployment.runtime == "tensorrt":
        config.platform, config.backend = "tensorrt_plan", "tensorrt"
        config.default_model_filename = "model.plan"
        for capability, name in (network.plan_by_compute_capability if network else {}).items():
            config.cc_model_filenames[capability] = name
    else:
        config.platform, config.backend = "onnxruntime_onnx", "onnxruntime"
        config.default_model_filename = "model.onnx"
        if deployment.threads and not on_gpu:
            config.parameters["intra_op_thread_count"].string_value = str(deployment.threads)


def _add_warmup(config: pb.ModelConfig, contract: ModelContract, name: str, batch_size: int) -> None:
    """Ask for a blank inference, so that the model counts as ready only once its kernels are compiled."""
    warmup = config.model_warmup.add(name=name, batch_size=batch_size)
    for tensor in contract.inputs:
        blank = warmup.inputs[tensor.name]
        blank.data_type = _DATATYPES[tensor.datatype]
        blank.dims.extend(tensor.dims)
        blank.zero_data = True
