"""Assembling gives a complete repository or a reason, and never half of one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from wrinkle_core.contract import MODELS
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.assemble import assemble_repository, served_segmenters
from wrinkle_export.assemble_command import network_paths
from wrinkle_export.triton_config import Deployment

CPU = Deployment("openvino")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_repository_has_a_version_folder_and_config_for_every_model(
    dark_line_networks: dict[str, Path], tmp_path: Path
) -> None:
    target = assemble_repository(tmp_path / "repository", dark_line_networks, CPU)
    assert sorted(path.name for path in target.iterdir()) == sorted(contract.name for contract in MODELS)
    assert all((target / m.name / "1").is_dir() and (target / m.name / "config.pbtxt").is_file() for m in MODELS)


def test_network_lies_unchanged_beside_its_step(dark_line_networks: dict[str, Path], tmp_path: Path) -> None:
    target = assemble_repository(tmp_path / "repository", dark_line_networks, CPU)
    assert (target / "unetpp" / "1" / "model.onnx").read_bytes() == dark_line_networks["unetpp"].read_bytes()
    assert (target / "unetpp" / "1" / "model.py").is_file()


def test_assembling_again_gives_the_same_repository(dark_line_networks: dict[str, Path], tmp_path: Path) -> None:
    first = contents(assemble_repository(tmp_path / "repository", dark_line_networks, CPU))
    assert contents(assemble_repository(tmp_path / "repository", dark_line_networks, CPU)) == first
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_one_segmenter_alone_brings_only_its_own_models(dark_line_networks: dict[str, Path], tmp_path: Path) -> None:
    target = assemble_repository(tmp_path / "repository", {"unetpp": dark_line_networks["unetpp"]}, CPU)
    assert {path.name for path in target.iterdir()} == {"skin_mask", "unetpp", "wrinkle_unetpp", "threshold"}
    assert [spec.name for spec in served_segmenters(target)] == ["unetpp"]


def test_network_of_another_segmenter_is_refused(dark_line_networks: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"INPUT must be UINT8 \[\?,3,512,512\], got u8 \[\?,4,1024,1024\]"):
        assemble_repository(tmp_path / "repository", {"unetpp": dark_line_networks["unet_texture"]}, CPU)
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
    spoil: Callable[[onnx.ModelProto], None], reason: str, dark_line_networks: dict[str, Path], tmp_path: Path
) -> None:
    network = onnx.load(dark_line_networks["unetpp"])
    spoil(network)
    onnx.save(network, tmp_path / "spoilt.onnx")
    with pytest.raises(ArtifactError, match=reason):
        assemble_repository(tmp_path / "repository", {"unetpp": tmp_path / "spoilt.onnx"}, CPU)


def test_damaged_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "damaged.onnx").write_bytes(b"not a network")
    with pytest.raises(ArtifactError, match="cannot be read as an ONNX model"):
        assemble_repository(tmp_path / "repository", {"unetpp": tmp_path / "damaged.onnx"}, CPU)


def test_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="network of unetpp is missing"):
        assemble_repository(tmp_path / "repository", {"unetpp": tmp_path / "nowhere.onnx"}, CPU)


def test_folder_that_holds_something_else_is_left_alone(dark_line_networks: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"thesis\.txt"):
        assemble_repository(tmp_path, dark_line_networks, CPU)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_folder_without_an_ensemble_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="holds no ensemble"):
        served_segmenters(tmp_path)


def test_tensorrt_repository_is_not_assembled_on_a_cpu(dark_line_networks: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="GPU host"):
        assemble_repository(tmp_path / "repository", dark_line_networks, Deployment("tensorrt"))


def test_command_line_replaces_a_bundled_network() -> None:
    assert network_paths("unetpp", ["unetpp=/tmp/mine.onnx"]) == {"unetpp": Path("/tmp/mine.onnx")}


@pytest.mark.parametrize("wrong", ["unetpp", "=model.onnx", "unet_texture=model.onnx", "other=model.onnx"])
def test_replacement_that_fits_no_served_segmenter_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidParameterError):
        network_paths("unetpp", [wrong])


def test_assembling_imports_neither_torch_nor_the_training_code() -> None:
    program = (
        "import sys, wrinkle_export.assemble, wrinkle_export.assemble_command, wrinkle_server.serve_command;"
        "sys.exit(', '.join({'torch', 'wrinkle_train', 'onnx', 'pytriton'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
