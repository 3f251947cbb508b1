"""A network small enough to export and run in a second, with weights in a checkpoint, and photographs for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch

from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_export.artifacts.build_folder import BuildFolder, Draft
from wrinkle_export.bundle import bundled
from wrinkle_export.graph.network_source import NetworkSource, network_source
from wrinkle_export.graph.onnx_artifact import export_onnx
from wrinkle_export.openvino_ir.ir import export_ir
from wrinkle_export.parity.pictures import Pictures, packaged_photos, pictures_of, spec_of
from wrinkle_train.networks.registry import build_network
from wrinkle_train.recipe import DataRecipe, NetworkRecipe, Recipe, TrainRecipe
from wrinkle_train.weights_file import save_weights

Tamper = Callable[[onnx.ModelProto], onnx.ModelProto]


def tiny_recipe() -> Recipe:
    return Recipe(
        segmenter="unetpp",
        network=NetworkRecipe(name="unet", width=4),
        data=DataRecipe(source="records", input_px=64),
        train=TrainRecipe(steps=1, batch_size=1, crop_px=64),
    )


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = tiny_recipe()
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("tiny") / "model.safetensors"
    return save_weights(build_network(recipe.network), recipe, path)


@pytest.fixture(scope="session")
def tiny_source(tiny_checkpoint: Path) -> NetworkSource:
    return network_source(str(tiny_checkpoint), name="tiny")


@pytest.fixture(scope="session")
def tiny_pictures(tiny_source: NetworkSource, face_landmarker: FaceLandmarker) -> Pictures:
    photos = ((name, encoded, None) for name, encoded in packaged_photos().items())
    return pictures_of(photos, spec_of(tiny_source.recipe), face_landmarker, 2)


@pytest.fixture(scope="session")
def exported_tiny(tiny_source: NetworkSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "build"
    build = BuildFolder(folder)
    export_onnx(tiny_source, build, ["fp32", "fp16"])
    return folder


@pytest.fixture(scope="session")
def unetpp_source() -> NetworkSource:
    return network_source(str(bundled("checkpoints") / "unetpp" / "model.safetensors"))


@pytest.fixture(scope="session")
def unetpp_build(tmp_path_factory: pytest.TempPathFactory) -> BuildFolder:
    """Return a copy of the shipped files, because the gate writes figures into the manifest."""
    folder = shutil.copytree(bundled("checkpoints"), tmp_path_factory.mktemp("unetpp") / "build")
    return BuildFolder(Path(folder))


@pytest.fixture(scope="session")
def unetpp_pictures(unetpp_source: NetworkSource, face_landmarker: FaceLandmarker) -> Pictures:
    photos = ((name, encoded, None) for name, encoded in packaged_photos().items())
    return pictures_of(photos, spec_of(unetpp_source.recipe), face_landmarker, 2)


@pytest.fixture
def tiny_build(exported_tiny: Path, tmp_path: Path) -> BuildFolder:
    """Return a copy of a good build folder, to be tampered with."""
    return BuildFolder(Path(shutil.copytree(exported_tiny, tmp_path / "build")))


@pytest.fixture
def tiny_build_with_ir(tiny_build: BuildFolder) -> BuildFolder:
    export_ir(tiny_build, "tiny")
    return tiny_build


@pytest.fixture
def publish_wrong_onnx(tiny_build: BuildFolder) -> Callable[[Tamper], None]:
    """Replace ``tiny/onnx-fp32`` by a wrong graph whose sums are right."""

    def publish(tamper: Tamper) -> None:
        old = tiny_build.artifact("tiny/onnx-fp32")
        model = tamper(onnx.load(tiny_build.checked_files(old)[0]))
        draft = Draft(old.name, "model.onnx", "onnx", "fp32", old.key, old.source, old.ports, old.tools, old.opset)

        def make(folder: Path) -> tuple[()]:
            onnx.save(model, folder / "model.onnx")
            return ()

        tiny_build.publish(draft, make)

    return publish
