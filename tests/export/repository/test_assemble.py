"""Assembling gives a complete repository or a reason, and never half of one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from google.protobuf import text_format
from onnx import TensorProto
from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.contract import MODELS
from wrinkle_core.errors import ArtifactError
from wrinkle_export.repository.assemble import (
    LOCK_FILE,
    PROMOTIONS_FILE,
    assemble_repository,
    served_segmenters,
)
from wrinkle_export.repository.choice import bundled_network
from wrinkle_export.repository.config_file import read_config, write_config
from wrinkle_export.repository.deployment import PRODUCTION, Deployment
from wrinkle_export.repository.served_network import ServedNetwork

CPU = Deployment("openvino")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_repository_has_a_version_folder_and_config_for_every_model(
    dark_line_served: dict[str, ServedNetwork], tmp_path: Path
) -> None:
    target = assemble_repository(tmp_path / "repository", dark_line_served, CPU)
    assert sorted(path.name for path in target.iterdir()) == sorted(contract.name for contract in MODELS)
    assert all((target / m.name / "1").is_dir() and (target / m.name / "config.pbtxt").is_file() for m in MODELS)


def test_network_lies_unchanged_beside_its_step(dark_line_served: dict[str, ServedNetwork], tmp_path: Path) -> None:
    target = assemble_repository(tmp_path / "repository", dark_line_served, CPU)
    assert (target / "unetpp" / "1" / "model.onnx").read_bytes() == dark_line_served["unetpp"].files[
        "model.onnx"
    ].read_bytes()
    assert (target / "unetpp" / "1" / "model.py").is_file()


def test_assembling_again_gives_the_same_repository(dark_line_served: dict[str, ServedNetwork], tmp_path: Path) -> None:
    first = contents(assemble_repository(tmp_path / "repository", dark_line_served, CPU))
    assert contents(assemble_repository(tmp_path / "repository", dark_line_served, CPU)) == first
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_one_segmenter_alone_brings_only_its_own_models(
    dark_line_served: dict[str, ServedNetwork], tmp_path: Path
) -> None:
    target = assemble_repository(tmp_path / "repository", {"unetpp": dark_line_served["unetpp"]}, CPU)
    assert {path.name for path in target.iterdir()} == {"skin_mask", "unetpp", "wrinkle_unetpp", "threshold"}
    assert [spec.name for spec in served_segmenters(target)] == ["unetpp"]


def test_ensemble_runs_the_version_that_is_loaded(dark_line_served: dict[str, ServedNetwork], tmp_path: Path) -> None:
    target = assemble_repository(tmp_path / "repository", dark_line_served, CPU, version=7)
    assert list(read_config(target / "unetpp").version_policy.specific.versions) == [7]
    steps = read_config(target / "wrinkle_unetpp").ensemble_scheduling.step
    assert {step.model_name: step.model_version for step in steps} == {"skin_mask": -1, "unetpp": 7, "threshold": -1}


def test_repository_in_which_versions_were_promoted_may_be_replaced(
    dark_line_served: dict[str, ServedNetwork], tmp_path: Path
) -> None:
    target = assemble_repository(tmp_path / "repository", dark_line_served, CPU)
    for name in (PROMOTIONS_FILE, LOCK_FILE):
        (target / name).touch()
    assemble_repository(target, dark_line_served, CPU)
    assert not (target / PROMOTIONS_FILE).exists()


def test_network_of_another_segmenter_is_refused(dark_line_served: dict[str, ServedNetwork], tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"INPUT must be UINT8 \[\?,3,512,512\], got u8 \[\?,4,1024,1024\]"):
        assemble_repository(tmp_path / "repository", {"unetpp": dark_line_served["unet_texture"]}, CPU)
    assert list(tmp_path.iterdir()) == []


def with_float_output(network: onnx.ModelProto) -> None:
    network.graph.node[-1].attribute[0].i = TensorProto.FLOAT
    network.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT


def with_fixed_batch(network: onnx.ModelProto) -> None:
    for port in (network.graph.input[0], network.graph.output[0]):
        port.type.tensor_type.shape.dim[0].dim_value = 1


def with_another_name(network: onnx.ModelProto) -> None:
    network.graph.node[0].input[0] = network.graph.input[0].name = "pixel_values"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (with_float_output, "PROBABILITY must be UINT8"),
        (with_fixed_batch, r"INPUT must be UINT8 \[\?,3,512,512\]"),
        (with_another_name, r"inputs must be \['INPUT'\], got \['pixel_values'\]"),
    ],
)
def test_network_whose_ports_differ_from_the_contract_is_refused(
    spoil: Callable[[onnx.ModelProto], None], reason: str, dark_line_served: dict[str, ServedNetwork], tmp_path: Path
) -> None:
    network = onnx.load(dark_line_served["unetpp"].files["model.onnx"])
    spoil(network)
    onnx.save(network, tmp_path / "spoilt.onnx")
    with pytest.raises(ArtifactError, match=reason):
        assemble_repository(tmp_path / "repository", {"unetpp": ServedNetwork.from_onnx(tmp_path / "spoilt.onnx")}, CPU)


def test_damaged_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"not a network")
    with pytest.raises(ArtifactError, match="cannot be read as an ONNX or IR model"):
        assemble_repository(
            tmp_path / "repository", {"unetpp": ServedNetwork.from_onnx(tmp_path / "damaged.onnx")}, CPU
        )


def test_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="network of unetpp is missing"):
        assemble_repository(
            tmp_path / "repository", {"unetpp": ServedNetwork.from_onnx(tmp_path / "nowhere.onnx")}, CPU
        )


def test_network_that_may_run_in_bf16_becomes_an_ir_that_keeps_its_shallow_layers(tmp_path: Path) -> None:
    network = ServedNetwork.from_onnx(bundled_network("unetpp"), "auto")
    target = assemble_repository(tmp_path / "repository", {"unetpp": network}, CPU)
    version = target / "unetpp" / "1"
    assert sorted(path.name for path in version.iterdir()) == ["model.bin", "model.py", "model.xml"]
    assert b"DisablePrecisionConversion" in (version / "model.xml").read_bytes()
    config = text_format.Parse((target / "unetpp" / "config.pbtxt").read_text(encoding="utf-8"), pb.ModelConfig())
    told = {key: config.parameters[key].string_value for key in ("network", "precision")}
    assert told == {"network": "model.xml", "precision": "auto"}


def test_folder_that_holds_something_else_is_left_alone(
    dark_line_served: dict[str, ServedNetwork], tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"thesis\.txt"):
        assemble_repository(tmp_path, dark_line_served, CPU)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_folder_without_an_ensemble_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="holds no ensemble"):
        served_segmenters(tmp_path)


def test_tensorrt_repository_holds_a_plan_for_each_kind_of_gpu_and_no_step_of_ours(tmp_path: Path) -> None:
    plans = {name: tmp_path / name for name in ("model-sm_89.plan", "model-sm_90.plan")}
    for name, path in plans.items():
        path.write_text(name, encoding="utf-8")
    served = ServedNetwork(
        plans, "model-sm_89.plan", plan_by_compute_capability={"8.9": "model-sm_89.plan", "9.0": "model-sm_90.plan"}
    )
    target = assemble_repository(tmp_path / "repository", {"unetpp": served}, PRODUCTION, version=7)
    assert sorted(path.name for path in (target / "unetpp" / "7").iterdir()) == sorted(plans)
    config = text_format.Parse((target / "unetpp" / "config.pbtxt").read_text(encoding="utf-8"), pb.ModelConfig())
    assert dict(config.cc_model_filenames) == dict(served.plan_by_compute_capability)
    assert [path.name for path in (target / "wrinkle_unetpp").iterdir() if path.is_dir()] == ["7"]


def test_onnxruntime_repository_holds_the_graph_alone(
    dark_line_served: dict[str, ServedNetwork], tmp_path: Path
) -> None:
    target = assemble_repository(tmp_path / "repository", dark_line_served, Deployment("onnxruntime", "gpu"))
    assert [path.name for path in (target / "unetpp" / "1").iterdir()] == ["model.onnx"]


def test_assembling_imports_neither_torch_nor_the_training_code() -> None:
    program = (
        "import sys, wrinkle_export.export_command, wrinkle_export.repository.choice, wrinkle_server.commands.serve;"
        "heavy = {'torch', 'wrinkle_train', 'onnx', 'onnxruntime', 'tensorrt', 'pytriton'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("told", ["1", ""])
def test_repository_of_another_contract_version_is_refused_with_the_remedy(
    told: str, dark_line_served: dict[str, ServedNetwork], tmp_path: Path
) -> None:
    target = assemble_repository(tmp_path / "repository", {"unetpp": dark_line_served["unetpp"]}, CPU)
    config = read_config(target / "wrinkle_unetpp")
    config.parameters["contract_version"].string_value = told
    write_config(target / "wrinkle_unetpp", config)
    with pytest.raises(ArtifactError, match=f"contract version {told or 'unknown'}, this package speaks .*again"):
        served_segmenters(target)
