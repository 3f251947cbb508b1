"""Images of ``k8s/images``, built with buildah as a Docker engine would, without one.

The build uses the package index that pip on this machine is set up for: its address and the certificates to trust are
mounted while it runs, so that neither gets into a layer.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chart_checks.tools import ROOT
from image_check.base_image import BASE_IMAGE, make_base_image
from image_check.engine import ContainerEngine, EngineError

__all__ = ["CLIENT", "SERVER", "Image", "build_image", "size_bytes"]


@dataclass(frozen=True, slots=True)
class Image:
    """One image on Debian.

    Attributes:
        name: What it is called here.
        file: In ``k8s/images``.
    """

    name: str
    file: str


SERVER: Final = Image("localhost/wrinkle-serving:cpu", "server-cpu.Containerfile")
CLIENT: Final = Image("localhost/wrinkle-client:local", "client.Containerfile")
_IMAGES: Final = ROOT / "k8s" / "images"
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_MOUNTED_CERTIFICATES: Final = "/run/pip-certificates.crt"
_BUILD_LIMIT_S: Final = 3600.0
_WHEEL_LIMIT_S: Final = 600.0


def build_image(engine: ContainerEngine, image: Image) -> str:
    """Build an image and return its name; layers of an earlier build are used again.

    Raises:
        EngineError: The wheel, the base or the image cannot be built.
    """
    base = make_base_image(engine)
    with tempfile.TemporaryDirectory(prefix="wrinkle-image-") as folder:
        context, pip = Path(folder, "context"), Path(folder, "pip.conf")
        _fill(context)
        pip.write_text(_pip_configuration(), encoding="utf-8")
        engine.buildah(
            "bud",
            "--isolation=chroot",
            "--network=host",
            "--format=docker",  # the other one has no SHELL
            "--pull-never",
            "--layers",
            f"--volume={pip}:/etc/pip.conf:ro",
            f"--volume={_CERTIFICATES}:{_MOUNTED_CERTIFICATES}:ro",
            f"--build-arg=DEBIAN_IMAGE={base.rpartition(':')[0]}",
            f"--build-arg=DEBIAN_DIGEST={engine.digest(BASE_IMAGE)}",
            f"--file={context / image.file}",
            f"--tag={image.name}",
            str(context),
            limit_s=_BUILD_LIMIT_S,
        )
    return image.name


def size_bytes(engine: ContainerEngine, image: Image) -> int:
    """Return the size of an image on disk, all of its layers unpacked."""
    return int(engine.podman("image", "inspect", "--format", "{{.Size}}", image.name))


def _fill(context: Path) -> None:
    """Make the build context: the folder's own files, and a wheel of this checkout."""
    context.mkdir()
    for file in (*_IMAGES.glob("*.Containerfile"), *_IMAGES.glob("requirements-*.txt")):
        (context / file.name).write_bytes(file.read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(context / "dist"), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_WHEEL_LIMIT_S, check=False)
    if done.returncode != 0:
        raise EngineError(f"the wheel cannot be built: {done.stderr.strip()[-1000:]}")


def _pip_configuration() -> str:
    lines = ["[global]", f"cert = {_MOUNTED_CERTIFICATES}"]
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60.0, check=False)
    if done.returncode == 0:
        lines.append(f"index-url = {done.stdout.strip()}")
    return "\n".join(lines) + "\n"
