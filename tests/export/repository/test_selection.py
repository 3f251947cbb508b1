"""What a build folder holds is served only when it is what the contract and the manifest say."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.contract import NETWORK_CONTRACT_VERSION, segmenter
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.artifacts.build_folder import BuildFolder, Draft
from wrinkle_export.artifacts.manifest import (
    Artifact,
    Kind,
    ParityRecord,
    PlanTarget,
    Ports,
    Precision,
    Source,
    digest_of,
)
from wrinkle_export.repository.choice import bundled_network, chosen_networks
from wrinkle_export.repository.selection import select_network

UNETPP = segmenter("unetpp")
FITTING = Ports.of_network(3, 512)
MAIN_FILE: dict[Kind, str] = {"onnx": "model.onnx", "openvino": "model.xml", "tensorrt": "model.plan"}


def publish(
    build: BuildFolder,
    form: str,
    *,
    network: str = "unetpp",
    trained_for: str | None = None,
    ports: Ports = FITTING,
    passed: bool | None = True,
    plan: PlanTarget | None = None,
) -> Artifact:
    kind: Kind = "tensorrt" if plan else "openvino" if form.startswith("openvino") else "onnx"
    precision: Precision = "int8" if "int8" in form else "fp16" if "fp16" in form else "fp32"
    source = Source(
        network=network,
        checkpoint_sha256=None,
        random_seed=0,
        recipe={},
        segmenter=trained_for,
    )
    judged_by: dict[str, str] = {"tensorrt": "tensorrt-against-onnxruntime"}
    runtime = "openvino-int8" if precision == "int8" else judged_by.get(kind, "openvino-f32")
    parity = () if passed is None else (_parity(runtime, passed),)

    def make(staging: Path) -> tuple[ParityRecord, ...]:
        (staging / MAIN_FILE[kind]).write_text(f"{network}/{form}", encoding="utf-8")
        return parity

    name = f"{network}/{form}"
    return build.publish(
        Draft(name, MAIN_FILE[kind], kind, precision, digest_of(n=name), source, ports, {}, plan=plan), make
    )


def _parity(runtime: str, passed: bool) -> ParityRecord:
    return ParityRecord(
        runtime=runtime, passed=passed, pictures=1, figures={}, limits={}, data_sha256=digest_of(data=1)
    )


def plan(gpu: str = "NVIDIA L4", capability: str = "8.9", max_batch: int = 8) -> PlanTarget:
    return PlanTarget(
        tensorrt_version="10.13.3",
        compute_capability=capability,
        gpu_name=gpu,
        min_batch=1,
        opt_batch=4,
        max_batch=max_batch,
    )


@pytest.fixture
def build(tmp_path: Path) -> BuildFolder:
    return BuildFolder(tmp_path / "networks")


@pytest.mark.parametrize(
    ("runtime", "precision", "form"),
    [
        ("openvino", "auto", "openvino-fp32"),
        ("openvino", "f32", "openvino-fp32"),
        ("openvino", "bf16", "openvino-fp32"),
        ("openvino", "int8", "openvino-int8"),
        ("onnxruntime", "auto", "onnx-fp16"),
        ("onnxruntime", "fp32", "onnx-fp32"),
    ],
)
def test_runtime_and_precision_decide_the_artifact(build: BuildFolder, runtime: str, precision: str, form: str) -> None:
    for there in ("onnx-fp32", "onnx-fp16", "onnx-fp16-storage", "openvino-fp32", "openvino-int8"):
        publish(build, there)
    network = select_network(build, UNETPP, runtime, precision)  # type: ignore[arg-type]
    assert network.files[network.main_file].read_text(encoding="utf-8") == f"unetpp/{form}"


def test_openvino_opens_an_onnx_file_where_there_is_no_ir(build: BuildFolder) -> None:
    publish(build, "onnx-fp16-storage")
    assert select_network(build, UNETPP, "openvino").main_file == "model.onnx"


def test_a_network_of_another_name_serves_when_it_was_trained_for_the_segmenter(build: BuildFolder) -> None:
    publish(build, "onnx-fp32", network="my-run", trained_for="unetpp")
    assert select_network(build, UNETPP, "openvino").main_file == "model.onnx"


def test_what_is_missing_is_named_with_what_is_there(build: BuildFolder) -> None:
    publish(build, "onnx-fp16")
    with pytest.raises(ArtifactError, match=r"no openvino-int8 of unetpp .* only unetpp/onnx-fp16; export it first"):
        select_network(build, UNETPP, "openvino", "int8")


def test_an_unknown_precision_is_refused_with_those_there_are(build: BuildFolder) -> None:
    with pytest.raises(InvalidParameterError, match="one of auto, fp16, fp32 for onnxruntime, got 'fp8'"):
        select_network(build, UNETPP, "onnxruntime", "fp8")


def test_an_artifact_of_another_contract_version_is_refused(build: BuildFolder) -> None:
    publish(build, "onnx-fp32", ports=FITTING.model_copy(update={"contract_version": NETWORK_CONTRACT_VERSION + 1}))
    with pytest.raises(ArtifactError, match=f"for contract version {NETWORK_CONTRACT_VERSION + 1}, this is"):
        select_network(build, UNETPP, "openvino")


def test_an_artifact_with_other_ports_is_refused(build: BuildFolder) -> None:
    publish(build, "onnx-fp32", ports=Ports.of_network(3, 1024))
    with pytest.raises(ArtifactError, match=r"its input is UINT8 \[-1, 3, 1024, 1024\], the contract says"):
        select_network(build, UNETPP, "openvino")


def test_an_artifact_that_failed_its_parity_gate_is_refused(build: BuildFolder) -> None:
    publish(build, "onnx-fp32", passed=False)
    with pytest.raises(ArtifactError, match="failed its parity gate on openvino-f32"):
        select_network(build, UNETPP, "openvino")


def test_an_ir_that_failed_in_bf16_alone_is_served_in_f32(build: BuildFolder) -> None:
    artifact = publish(build, "openvino-fp32")
    build.record_parity(artifact.name, (_parity("openvino-bf16", False),))
    assert select_network(build, UNETPP, "openvino", "f32").openvino_hint == "f32"
    for precision in ("auto", "bf16"):
        with pytest.raises(ArtifactError, match="failed its parity gate on openvino-bf16"):
            select_network(build, UNETPP, "openvino", precision)


def test_int8_is_not_served_before_it_was_compared(build: BuildFolder) -> None:
    publish(build, "openvino-int8", passed=None)
    with pytest.raises(ArtifactError, match="run `wrinkle export verify`"):
        select_network(build, UNETPP, "openvino", "int8")


def test_corrupted_bytes_are_refused(build: BuildFolder) -> None:
    artifact = publish(build, "onnx-fp32")
    (build.path / artifact.files[0].path).write_text("something else", encoding="utf-8")
    with pytest.raises(ArtifactError, match="are not those that were exported"):
        select_network(build, UNETPP, "openvino")


def test_plans_for_several_gpus_are_told_apart_by_compute_capability(build: BuildFolder) -> None:
    publish(build, "tensorrt-fp16-sm8.9-nvidia-l4", plan=plan())
    publish(build, "tensorrt-fp16-sm9.0-nvidia-h100", plan=plan("NVIDIA H100", "9.0"))
    network = select_network(build, UNETPP, "tensorrt")
    assert network.plan_by_compute_capability == {"8.9": "model-sm_89.plan", "9.0": "model-sm_90.plan"}
    assert set(network.files) == {"model-sm_89.plan", "model-sm_90.plan"}


def test_two_gpus_of_one_compute_capability_do_not_fit_one_repository(build: BuildFolder) -> None:
    publish(build, "tensorrt-fp16-sm8.9-nvidia-l4", plan=plan())
    publish(build, "tensorrt-fp16-sm8.9-nvidia-l40s", plan=plan("NVIDIA L40S"))
    with pytest.raises(ArtifactError, match=r"two plans of unetpp for compute capability 8\.9"):
        select_network(build, UNETPP, "tensorrt")
    network = select_network(build, UNETPP, "tensorrt", gpus=["NVIDIA L40S"])
    assert network.files["model-sm_89.plan"].read_text(encoding="utf-8").endswith("l40s")


def test_a_plan_for_another_gpu_is_refused(build: BuildFolder) -> None:
    publish(build, "tensorrt-fp16-sm8.9-nvidia-l4", plan=plan())
    with pytest.raises(ArtifactError, match="no plan of unetpp for NVIDIA H100, only for NVIDIA L4"):
        select_network(build, UNETPP, "tensorrt", gpus=["NVIDIA H100"])


def test_a_build_folder_without_a_plan_says_where_to_build_one(build: BuildFolder) -> None:
    publish(build, "onnx-fp16")
    with pytest.raises(ArtifactError, match="no TensorRT plan of unetpp; build one on the GPU host"):
        select_network(build, UNETPP, "tensorrt")


def test_a_plan_for_smaller_batches_than_are_served_is_refused(build: BuildFolder) -> None:
    publish(build, "tensorrt-fp16-sm8.9-nvidia-l4", plan=plan(max_batch=4))
    with pytest.raises(ArtifactError, match="batches of up to 4, unetpp is served with up to 8"):
        select_network(build, UNETPP, "tensorrt")


def test_bundled_weights_are_whole_and_fit_the_contract() -> None:
    for name in ("unetpp", "unet_texture"):
        assert chosen_networks(name)[name].files["model.onnx"] == bundled_network(name)


def test_a_network_given_by_hand_replaces_the_bundled_one() -> None:
    assert chosen_networks("unetpp", ["unetpp=/tmp/mine.onnx"])["unetpp"].files == {
        "model.onnx": Path("/tmp/mine.onnx")
    }


def test_an_onnx_file_given_by_hand_is_not_served_in_int8() -> None:
    with pytest.raises(InvalidParameterError, match="served in auto, f32, bf16, not in int8"):
        chosen_networks("unetpp", ["unetpp=model.onnx"], precision="int8")


@pytest.mark.parametrize("wrong", ["unetpp", "=model.onnx", "unet_texture=model.onnx", "other=model.onnx"])
def test_a_replacement_that_fits_no_served_segmenter_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidParameterError):
        chosen_networks("unetpp", [wrong])


def test_an_onnx_file_is_no_tensorrt_plan() -> None:
    with pytest.raises(InvalidParameterError, match="build a TensorRT plan"):
        chosen_networks("unetpp", ["unetpp=model.onnx"], runtime="tensorrt")


def test_a_missing_build_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="no build folder nowhere"):
        chosen_networks("unetpp", build=tmp_path / "nowhere")
