"""config.pbtxt says exactly what the contract says, in both forms, and the committed files are fresh."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.contract import (
    DEFAULT_MAX_ENCODED_BYTES,
    DEFAULT_MAX_PIXELS,
    MODELS,
    SEGMENTERS,
    ModelContract,
    SegmenterContract,
    model,
)
from wrinkle_core.errors import ContractError
from wrinkle_export.generate import generated_files, stale_files, write_files
from wrinkle_export.repository.deployment import PRODUCTION, Deployment, Device, Runtime
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_export.repository.triton_config import GENERATED_NOTE, config_text, model_config

ON_ONNXRUNTIME = Deployment("onnxruntime", "gpu", queue_delay_us=500)
CPU = Deployment("openvino", preprocess_instances=3, threads=2, cache_dir="/cache")
TRITON_TYPES = {"UINT8": pb.TYPE_UINT8, "FP32": pb.TYPE_FP32}


@pytest.mark.parametrize("deployment", [PRODUCTION, CPU, ON_ONNXRUNTIME], ids=["production", "cpu", "onnxruntime"])
@pytest.mark.parametrize("contract", MODELS, ids=attrgetter("name"))
def test_written_config_reads_back_with_every_tensor_of_its_contract(
    contract: ModelContract, deployment: Deployment
) -> None:
    written = text_format.Parse(config_text(contract, deployment), pb.ModelConfig())
    ports = [(port.name, port.data_type, tuple(port.dims)) for port in (*written.input, *written.output)]
    assert ports == [(t.name, TRITON_TYPES[t.datatype], t.dims) for t in (*contract.inputs, *contract.outputs)]
    assert written.name == contract.name
    on_cpu = contract.kind == "segment" and deployment.device == "cpu"
    assert written.max_batch_size == (2 if on_cpu else contract.max_batch_size)


@pytest.mark.parametrize("contract", MODELS, ids=attrgetter("name"))
def test_config_starts_by_saying_that_it_is_generated(contract: ModelContract) -> None:
    assert config_text(contract, PRODUCTION).splitlines()[0] == f"# {GENERATED_NOTE}"


@pytest.mark.parametrize("spec", SEGMENTERS, ids=attrgetter("name"))
def test_channel_order_is_readable_from_the_served_configuration(spec: SegmenterContract) -> None:
    config = model_config(model(spec.name), PRODUCTION)
    assert config.parameters["INPUT.channels"].string_value == ",".join(spec.channels)
    assert config.parameters["INPUT.range"].string_value == "0..255"


@pytest.mark.parametrize("spec", SEGMENTERS, ids=attrgetter("name"))
def test_ensemble_feeds_every_input_of_every_step_from_something_made_before(spec: SegmenterContract) -> None:
    known = {"IMAGE"}
    for step in model_config(model(spec.ensemble), PRODUCTION).ensemble_scheduling.step:
        assert set(step.input_map) == {t.name for t in model(step.model_name).inputs}
        assert set(step.input_map.values()) <= known
        known |= set(step.output_map.values())
    assert {t.name for t in model(spec.ensemble).outputs} <= known


@pytest.mark.parametrize("spec", SEGMENTERS, ids=attrgetter("name"))
def test_production_segmenter_is_a_tensorrt_plan_on_a_gpu(spec: SegmenterContract) -> None:
    config = model_config(model(spec.name), PRODUCTION)
    assert (config.backend, config.default_model_filename) == ("tensorrt", "model.plan")
    assert config.instance_group[0].kind == pb.ModelInstanceGroup.KIND_GPU


@pytest.mark.parametrize("spec", SEGMENTERS, ids=attrgetter("name"))
def test_cpu_segmenter_is_a_python_step_with_its_threads_and_precision(spec: SegmenterContract) -> None:
    config = model_config(model(spec.name), CPU, ServedNetwork.from_onnx(Path("mine.onnx")))
    assert config.backend == "python"
    assert config.instance_group[0].kind == pb.ModelInstanceGroup.KIND_CPU
    told = {key: config.parameters[key].string_value for key in ("threads", "precision", "cache_dir", "network")}
    assert told == {"threads": "2", "precision": "f32", "cache_dir": "/cache", "network": "model.onnx"}


@pytest.mark.parametrize("deployment", [PRODUCTION, ON_ONNXRUNTIME, CPU], ids=attrgetter("runtime"))
@pytest.mark.parametrize("contract", [m for m in MODELS if m.kind != "ensemble"], ids=attrgetter("name"))
def test_no_executed_model_has_a_queue_policy_or_a_response_cache(
    contract: ModelContract, deployment: Deployment
) -> None:
    """Any field of a queue policy makes requests wait beside a free instance (ADR 018)."""
    config = model_config(contract, deployment)
    assert config.HasField("dynamic_batching")
    batching = config.dynamic_batching
    assert not batching.HasField("default_queue_policy")
    assert not batching.priority_queue_policy
    assert not batching.priority_levels
    assert config.HasField("response_cache")
    assert not config.response_cache.enable


@pytest.mark.parametrize("spec", SEGMENTERS, ids=attrgetter("name"))
def test_gpu_segmenter_warms_up_for_one_picture_and_for_a_full_batch(spec: SegmenterContract) -> None:
    for deployment in (PRODUCTION, ON_ONNXRUNTIME):
        sizes = [one.batch_size for one in model_config(model(spec.name), deployment).model_warmup]
        assert sizes == [1, spec.max_batch_size]


def test_largest_batch_on_a_cpu_can_be_chosen_up_to_the_contracts() -> None:
    for chosen, formed in ((1, 1), (4, 4), (99, 8)):
        deployment = Deployment("openvino", max_batch_size=chosen)
        assert model_config(model("unetpp"), deployment).max_batch_size == formed


@pytest.mark.parametrize(("threads", "formed"), [(0, 2), (1, 1), (2, 2), (3, 1), (4, 2)])
def test_openvino_takes_two_photographs_at_once_where_they_share_the_threads_evenly(threads: int, formed: int) -> None:
    assert model_config(model("unetpp"), Deployment("openvino", threads=threads)).max_batch_size == formed


def test_onnxruntime_on_a_cpu_takes_one_photograph_at_a_time() -> None:
    assert model_config(model("unetpp"), Deployment("onnxruntime")).max_batch_size == 1


def test_onnxruntime_segmenter_is_tritons_own_backend() -> None:
    config = model_config(model("unetpp"), ON_ONNXRUNTIME)
    assert (config.backend, config.default_model_filename) == ("onnxruntime", "model.onnx")
    assert config.instance_group[0].kind == pb.ModelInstanceGroup.KIND_GPU
    assert config.dynamic_batching.max_queue_delay_microseconds == 500
    on_cpu = model_config(model("unetpp"), Deployment("onnxruntime", threads=3))
    assert on_cpu.instance_group[0].kind == pb.ModelInstanceGroup.KIND_CPU
    assert on_cpu.parameters["intra_op_thread_count"].string_value == "3"


@pytest.mark.parametrize(("runtime", "device"), [("tensorrt", "cpu"), ("openvino", "gpu")])
def test_runtime_on_the_wrong_device_is_refused(runtime: Runtime, device: Device) -> None:
    with pytest.raises(ContractError, match=f"{runtime} runs on a"):
        Deployment(runtime, device)


def test_instance_counts_reach_the_models() -> None:
    assert model_config(model("skin_mask"), CPU).instance_group[0].count == 3


def test_bounds_of_the_deployment_reach_the_models() -> None:
    bounded = Deployment(
        "openvino",
        max_waiting=5,
        max_queue_size=20,
        max_encoded_bytes=1_000_000,
        max_pixels=2_000_000,
    )
    told = model_config(model("skin_texture"), bounded).parameters
    assert {key: told[key].string_value for key in ("max_waiting", "max_encoded_bytes", "max_pixels")} == {
        "max_waiting": "5",
        "max_encoded_bytes": "1000000",
        "max_pixels": "2000000",
    }
    for name in ("skin_texture", "unetpp", "threshold"):
        assert model_config(model(name), bounded).parameters["max_queue_size"].string_value == "20"
    assert "max_queue_size" not in model_config(model("unetpp"), PRODUCTION).parameters  # nothing there reads it


def test_photographs_are_bounded_by_cores_limits_unless_told_otherwise() -> None:
    told = model_config(model("skin_mask"), CPU).parameters
    assert told["max_encoded_bytes"].string_value == str(DEFAULT_MAX_ENCODED_BYTES)
    assert told["max_pixels"].string_value == str(DEFAULT_MAX_PIXELS)


@pytest.mark.parametrize(
    "bounds",
    [
        {"max_waiting": 0},
        {"max_waiting": 65},
        {"max_queue_size": 0},
        {"max_encoded_bytes": 0},
        {"max_pixels": 0},
    ],
)
def test_impossible_bound_is_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        Deployment("openvino", **bounds)


@pytest.mark.parametrize(("instances", "threads"), [(0, 0), (1, -1)])
def test_impossible_deployment_is_refused(instances: int, threads: int) -> None:
    with pytest.raises(ContractError):
        Deployment("openvino", preprocess_instances=instances, threads=threads)


def test_committed_files_are_what_the_contract_gives() -> None:
    assert stale_files(generated_files(), Path(__file__).resolve().parents[3]) == []


def test_changed_and_missing_files_are_found_and_rewritten(tmp_path: Path) -> None:
    files = generated_files()
    write_files(files, tmp_path)
    changed, missing = list(files)[:2]
    (tmp_path / changed).write_text("edited by hand", encoding="utf-8")
    (tmp_path / missing).unlink()
    assert stale_files(files, tmp_path) == [changed, missing]
    write_files(files, tmp_path)
    assert stale_files(files, tmp_path) == []


def test_contract_page_names_every_model_and_tensor() -> None:
    page = next(text for path, text in generated_files().items() if path.name == "contract.md")
    for contract in MODELS:
        assert f"## `{contract.name}`" in page
        assert all(f"`{tensor.name}`" in page for tensor in (*contract.inputs, *contract.outputs))
