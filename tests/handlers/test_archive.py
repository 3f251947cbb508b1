"""A .mar file: the same bytes for the same inputs, complete, and its wheel is one."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from wrinkle_core.contract import CONTRACT_VERSION, segmenter
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_handlers.archive.model_archive import write_archive
from wrinkle_handlers.archive.model_config import ModelConfig
from wrinkle_handlers.archive.requirements import pinned_requirements
from wrinkle_handlers.archive.runtime_wheel import RUNTIME_PACKAGES, write_runtime_wheel
from wrinkle_handlers.options import HandlerOptions
from wrinkle_train.weights_file import load_weights


def test_same_inputs_give_the_same_bytes_and_others_do_not(small_checkpoint: Path, tmp_path: Path) -> None:
    config = ModelConfig()
    archives = [
        write_archive(small_checkpoint, tmp_path / name, each).path.read_bytes()
        for name, each in (("one", config), ("two", config), ("three", replace(config, batch_size=2)))
    ]
    assert archives[0] == archives[1]
    assert archives[0] != archives[2]


def test_archive_holds_weights_code_pins_and_how_to_run_them(small_checkpoint: Path, tmp_path: Path) -> None:
    handler = HandlerOptions(precision="bf16", threads=2)
    config = ModelConfig(workers=2, batch_size=3, max_batch_delay_ms=7, response_timeout_s=9, handler=handler)
    written = write_archive(small_checkpoint, tmp_path, config, model_version="12")
    assert (written.path.name, written.spec) == ("wrinkle_unetpp.mar", segmenter("unetpp"))
    with zipfile.ZipFile(written.path) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))
        model_config = yaml.safe_load(archive.read("model-config.yaml"))
        assert archive.read(manifest["model"]["requirementsFile"]).decode() == pinned_requirements()
        assert {manifest["model"]["handler"], manifest["model"]["serializedFile"]} < names
        archive.extract("model.safetensors", tmp_path)
    assert f"wrinkle_serving_runtime-{version('wrinkle-serving')}-py3-none-any.whl" in names
    assert (manifest["model"]["modelName"], manifest["model"]["modelVersion"]) == ("wrinkle_unetpp", "12")
    assert manifest["wrinkle"]["contract_version"] == CONTRACT_VERSION
    assert (manifest["wrinkle"]["segmenter"], manifest["wrinkle"]["network"]) == ("unetpp", "unet")
    assert {key: model_config[key] for key in ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay")} == {
        "minWorkers": 2,
        "maxWorkers": 2,
        "batchSize": 3,
        "maxBatchDelay": 7,
    }
    assert HandlerOptions.from_model_config(model_config) == handler
    assert load_weights(tmp_path / "model.safetensors")[1].segmenter == "unetpp"


def test_wheel_is_installed_by_pip_and_runs_from_the_file_itself(tmp_path: Path) -> None:
    wheel = write_runtime_wheel(tmp_path)
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, timeout=120)
    assert {path.name for path in target.iterdir()} >= set(RUNTIME_PACKAGES)
    told = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import wrinkle_core.decode as decode, wrinkle_handlers.requests as requests\n"
            "print(decode.__file__, requests.__file__)",
            str(wheel),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert told.count(str(wheel)) == 2


def test_pins_name_every_library_of_a_worker_once() -> None:
    lines = pinned_requirements().splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert lines == sorted(lines)
    assert {"torch", "numpy", "opencv-python-headless", "openvino", "safetensors", "pydantic"} <= set(names)
    assert f"torch=={version('torch')}" in lines
    assert len(names) == len(set(names))
    assert not {"wrinkle-serving", "torchserve", "lightning"} & set(names)


def test_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"no weights")
    with pytest.raises(ArtifactError, match=r"model\.safetensors is missing or no safetensors file"):
        write_archive(path, tmp_path, ModelConfig())


@pytest.mark.parametrize("text", ["0", "1.0", "", "latest", "12345678901"])
def test_version_that_no_client_could_name_is_refused(small_checkpoint: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidParameterError, match="whole number"):
        write_archive(small_checkpoint, tmp_path, ModelConfig(), model_version=text)


@pytest.mark.parametrize(
    ("name", "value"), [("workers", 0), ("batch_size", 0), ("max_batch_delay_ms", -1), ("response_timeout_s", 0)]
)
def test_number_below_its_least_is_refused(name: str, value: int) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} is {value}"):
        ModelConfig(**{name: value})  # type: ignore[arg-type]


def test_handler_options_refuse_what_they_do_not_know() -> None:
    with pytest.raises(InvalidParameterError, match=r"handler\.precison: Extra inputs"):
        HandlerOptions.from_model_config({"handler": {"precison": "bf16"}})
    with pytest.raises(InvalidParameterError, match=r"handler\.max_pixels"):
        HandlerOptions.from_model_config({"handler": {"max_pixels": 0}})
    with pytest.raises(ValidationError):
        HandlerOptions(precision="fp16")  # type: ignore[arg-type]
    assert HandlerOptions.from_model_config({"batchSize": 4}) == HandlerOptions()
