"""The versions of one segmenter in a repository: which lie there, which are to be loaded, which one serves.

An ensemble names the version of its segmenter, and the segmenter's configuration lists the versions that Triton loads.
Both are replaced in one step, and a version's folder appears whole, so that a server that starts at any moment finds a
repository it can serve.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ArtifactError, InvalidParameterError
from wrinkle_export.repository.config_file import read_config, write_config
from wrinkle_export.repository.deployment import Runtime
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_export.repository.version_folder import fitted_network, write_segmenter_version

__all__ = ["SegmenterVersions"]

_MAX_VERSIONS: Final = 20
_RUNTIMES: Final[dict[str, Runtime]] = {"python": "openvino", "onnxruntime": "onnxruntime", "tensorrt": "tensorrt"}
_STEP_FILE: Final = "model.py"


@dataclass(frozen=True, slots=True)
class SegmenterVersions:
    """One segmenter of a repository."""

    repository: Path
    spec: SegmenterContract

    @property
    def folder(self) -> Path:
        """The segmenter's folder."""
        return self.repository / self.spec.name

    @property
    def runtime(self) -> Runtime:
        """What runs the segmenter.

        Raises:
            ArtifactError: The configuration cannot be read, or another backend runs it.
        """
        backend = read_config(self.folder).backend
        if backend not in _RUNTIMES:
            raise ArtifactError(f"{self.spec.name} runs on the backend {backend!r}, which this command does not know.")
        return _RUNTIMES[backend]

    def on_disk(self) -> tuple[int, ...]:
        """Return the versions that lie in the repository."""
        return tuple(sorted(int(one.name) for one in self.folder.iterdir() if one.name.isdecimal() and one.is_dir()))

    def path(self, version: int) -> Path:
        """Return a version's folder."""
        return self.folder / str(version)

    def selected(self) -> tuple[int, ...]:
        """Return the versions that a server is to load.

        Raises:
            ArtifactError: The configuration cannot be read.
        """
        return tuple(read_config(self.folder).version_policy.specific.versions)

    def select(self, versions: Iterable[int]) -> None:
        """Have servers that start from now on load exactly ``versions``.

        Raises:
            ArtifactError: The repository cannot be read or written.
        """
        config = read_config(self.folder)
        config.version_policy.specific.versions[:] = sorted(set(versions))
        write_config(self.folder, config)

    def peculiarities(self) -> dict[str, str]:
        """Return the parameters of the segmenter's configuration that are about single versions.

        Raises:
            ArtifactError: The configuration cannot be read.
        """
        parameters = read_config(self.folder).parameters
        return {key: value.string_value for key, value in parameters.items() if key.rpartition(".")[2].isdecimal()}

    def pinned(self) -> int:
        """Return the version that the ensemble names in the repository; a server runs it once it has loaded that.

        Raises:
            ArtifactError: The configuration cannot be read, or the ensemble names no version.
        """
        for step in read_config(self.repository / self.spec.ensemble).ensemble_scheduling.step:
            if step.model_name == self.spec.name and step.model_version > 0:
                return int(step.model_version)
        raise ArtifactError(
            f"{self.spec.ensemble} names no version of {self.spec.name}; assemble the repository again with "
            "`wrinkle export repository`."
        )

    def pin(self, version: int) -> None:
        """Have the ensemble name ``version``.

        Raises:
            ArtifactError: The repository cannot be read or written.
        """
        folder = self.repository / self.spec.ensemble
        config = read_config(folder)
        for step in config.ensemble_scheduling.step:
            if step.model_name == self.spec.name:
                step.model_version = version
        write_config(folder, config)

    def add(self, network: ServedNetwork) -> int:
        """Put a network into the repository as its next version, which no server loads yet.

        Returns:
            The version.

        Raises:
            ArtifactError: The network does not fit the contract or the other versions, or the repository cannot be
                written or is full.
        """
        there = self.on_disk()
        if len(there) >= _MAX_VERSIONS:
            raise ArtifactError(
                f"{self.spec.name} has {len(there)} versions already; remove folders of versions that do not serve."
            )
        version, runtime = max(there, default=0) + 1, self.runtime
        try:
            with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as scratch:
                fitted = fitted_network(network, self.spec, runtime, Path(scratch))
                fresh = Path(scratch, "version")
                fresh.mkdir(mode=0o755)
                write_segmenter_version(fresh, fitted, runtime)
                self._configure(version, fitted, runtime)
                fresh.rename(self.path(version))
        except OSError as error:
            raise ArtifactError(f"The repository cannot be written: {error.strerror}.") from error
        return version

    def remove(self, version: int) -> None:
        """Remove a version that neither serves nor is to be loaded.

        Raises:
            InvalidParameterError: It is in use.
        """
        if version == self.pinned() or version in self.selected():
            raise InvalidParameterError(f"Version {version} of {self.spec.name} is in use.")
        shutil.rmtree(self.path(version))

    def sha256(self, version: int) -> str:
        """Return the digest of a version's network: names and bytes of its files, without the step that runs them."""
        digest = hashlib.sha256()
        for file in sorted(self.path(version).iterdir()):
            if file.is_file() and file.name != _STEP_FILE:
                digest.update(file.name.encode())
                with file.open("rb") as content:
                    while block := content.read(1024 * 1024):
                        digest.update(block)
        return digest.hexdigest()

    def _configure(self, version: int, network: ServedNetwork, runtime: Runtime) -> None:
        """Tell the segmenter's configuration what is peculiar to one version."""
        config = read_config(self.folder)
        if runtime == "openvino":
            config.parameters[f"network.{version}"].string_value = network.main_file
            config.parameters[f"precision.{version}"].string_value = network.openvino_hint
            write_config(self.folder, config)
        elif dict(config.cc_model_filenames) != dict(network.plan_by_compute_capability):
            raise ArtifactError(
                f"The new version of {self.spec.name} has plans for other GPUs than the serving one; build it for "
                f"compute capability {', '.join(sorted(config.cc_model_filenames)) or 'none'}."
            )
