"""A wheel built from this checkout serves and segments in an empty environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from live_server import start_serve
from wrinkle_core.assets import fetch_assets
from wrinkle_core.contract import MODELS, SEGMENTERS

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
NOT_FOR_SERVING = ("torch", "onnx", "lightning", "monai", "segmentation_models_pytorch")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the ``bin`` folder of an environment that holds the wheel and its serve extra, nothing else."""
    fetch_assets()
    environment = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-compile"]
    pip.append("--disable-pip-version-check")
    subprocess.run([*pip, f"{wheel}[serve]"], check=True)
    yield environment / "bin"
    shutil.rmtree(environment)  # about a gigabyte


@pytest.fixture
def serving(installed: Path, tmp_path: Path) -> Iterator[str]:
    """Run the installed ``wrinkle serve`` and return its HTTP address."""
    command = [str(installed / "wrinkle"), "serve", "--log-file", str(tmp_path / "triton.log")]
    started = start_serve(command, cwd=tmp_path, env=outside_this_environment())
    with started.process as process:
        yield f"http://127.0.0.1:{started.ports[0]}"
        process.terminate()
        assert process.wait(60) == 0


def outside_this_environment() -> dict[str, str]:
    """Return the environment variables of a shell that has not activated this virtual environment."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != own)
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))} | {
        "PATH": path
    }


def test_wheel_carries_model_repository_and_weights(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"wrinkle_export/bundled/model_repository/{contract.name}/config.pbtxt" for contract in MODELS}
    wanted |= {f"wrinkle_export/bundled/checkpoints/{spec.name}/model.onnx" for spec in SEGMENTERS}
    wanted |= {"wrinkle_export/bundled/checkpoints/manifest.json"}
    wanted |= {"wrinkle_export/repository/templates/openvino_segmenter/model.py"}
    wanted |= {"wrinkle_server/supervision/canary.jpg"}
    wanted |= {f"wrinkle_server/gateway/{name}.lua" for name in ("json_guard", "unsampled")}
    assert wanted - names == set()


def test_serve_extra_brings_no_training_framework(installed: Path) -> None:
    program = f"import importlib.util as u; print([n for n in {NOT_FOR_SERVING} if u.find_spec(n)])"
    found = subprocess.run([str(installed / "python"), "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_installed_wheel_serves_and_segments(
    installed: Path, serving: str, grace_hopper_jpeg: bytes, tmp_path: Path
) -> None:
    photo, out = tmp_path / "hopper.jpg", tmp_path / "out"
    photo.write_bytes(grace_hopper_jpeg)
    command = [str(installed / "wrinkle"), "segment", str(photo), "--out", str(out), "--url", serving]
    subprocess.run(command, cwd=tmp_path, env=outside_this_environment(), check=True)
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in out.glob("*.json")]
    assert len(reports) == 1
    with Image.open(next(out.glob("*mask*.png"))) as mask:
        assert mask.size == (512, 600)
