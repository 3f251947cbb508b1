"""A new version of a segmenter, step by step: loaded beside the serving one, tried, promoted, taken back.

A request runs through the version that its ensemble named when the request began; loading the ensemble again changes
that for all later requests at once, so that no request is lost and none meets two versions (tested under load).

Two things Triton would do are kept from happening. An ensemble that names a version which is not loaded stops serving,
so a version is promoted only when Triton calls it ready. A segmenter with one broken version fails as a whole at the
next start, so the repository selects a version only after it was loaded and has answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Final

from filelock import FileLock, Timeout

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import ArtifactError, InvalidParameterError, ModelNotReadyError, ServerFaultError
from wrinkle_export.repository.assemble import LOCK_FILE
from wrinkle_export.repository.deployment import Runtime
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.models.promotions import Promotions
from wrinkle_server.models.segmenter_versions import SegmenterVersions
from wrinkle_server.models.standing import Comparison, VersionState
from wrinkle_server.models.trial import ensemble_answer, version_answer
from wrinkle_server.running import RunningServer
from wrinkle_server.supervision.canary import MIN_REFERENCE_IOU
from wrinkle_server.supervision.canary_answer import CanaryAnswer

__all__ = ["Rollout"]

_CANARY_TIMEOUT_S: Final = 60.0
_LOAD_TIMEOUT_S: Final = 300.0  # a large network that was never compiled on this machine takes its time


@dataclass(frozen=True)
class Rollout:
    """What can be done with the versions of one segmenter in one running server.

    Attributes:
        server: The running server.
        spec: The segmenter.
        timeout_s: How long one answer of the canary may take.
        ask_ensemble: How the ensemble is asked for the canary's answer.
    """

    server: RunningServer
    spec: SegmenterContract
    timeout_s: float = _CANARY_TIMEOUT_S
    ask_ensemble: Callable[..., CanaryAnswer] = field(default=ensemble_answer, repr=False)

    @property
    def versions(self) -> SegmenterVersions:
        """The versions in the server's repository."""
        return SegmenterVersions(self.server.repository, self.spec)

    def runtime(self) -> Runtime:
        """Return what runs the segmenter, which says what artifact a new version is made from.

        Raises:
            ArtifactError: The repository cannot be read.
            InvalidParameterError: The server does not serve the segmenter.
        """
        self._require_served()
        return self.versions.runtime

    def states(self) -> tuple[VersionState, ...]:
        """Return every version in the repository.

        Raises:
            ArtifactError: The repository cannot be read.
            ServerUnreachableError: The server does not answer.
        """
        self._require_served()
        serving, ready = self._serving(), self.server.admin.ready_versions(self.spec.name)
        since = self._promotions.since(serving)
        return tuple(
            VersionState(
                version,
                version == serving,
                version in ready,
                self.versions.sha256(version),
                _time_of(self.versions.path(version).stat().st_mtime),
                since if version == serving else "",
            )
            for version in self.versions.on_disk()
        )

    def load(self, network: ServedNetwork) -> Comparison:
        """Add a network as the next version, have the server load it, and compare it with the serving one.

        Raises:
            ArtifactError: The network does not fit, or the repository cannot be written.
            WrinkleError: It does not load or gives no sane answer; it is taken out again, and nothing has changed.
        """
        with self._exclusive():
            version = self.versions.add(network)
            try:
                return self._load(version)
            except BaseException:
                self.versions.remove(version)
                raise

    def load_again(self, version: int) -> Comparison:
        """Have the server load a version that lies in the repository, and compare it with the serving one.

        Raises:
            InvalidParameterError: There is no such version.
            WrinkleError: It does not load or gives no sane answer; it is left out again.
        """
        with self._exclusive():
            self._require_on_disk(version)
            return self._load(version)

    def promote(self, version: int) -> None:
        """Have the ensemble run ``version``, and go back by itself when the canary then fails.

        Raises:
            InvalidParameterError: There is no such version.
            ModelNotReadyError: The server has not loaded it.
            ServerFaultError: The ensemble does not serve it; the version from before serves again.
        """
        with self._exclusive():
            self._promote(version)

    def roll_back(self) -> int:
        """Have the ensemble run the version that served before, and return it.

        Raises:
            InvalidParameterError: No other version has served.
            WrinkleError: See ``promote``.
        """
        with self._exclusive():
            serving = self._serving()
            version = self._promotions.before(serving)
            if version is None:
                raise InvalidParameterError(f"No other version of {self.spec.name} has served before {serving}.")
            self._require_on_disk(version)
            if version not in self.server.admin.ready_versions(self.spec.name):
                self._load(version)
            self._promote(version)
            return version

    @property
    def _promotions(self) -> Promotions:
        return Promotions(self.server.repository, self.spec.name)

    def _load(self, version: int) -> Comparison:
        """Load serving, previous and new version; others are unloaded, so that memory stays bounded.

        The server is told first and the repository last: a server that starts in between does not meet a version that
        was never tried.
        """
        before = self.server.admin.ready_versions(self.spec.name)
        serving = self._serving()
        kept = {serving, self.versions.pinned(), self._promotions.before(serving), version}
        wanted = sorted(one for one in kept & set(self.versions.on_disk()) if one is not None)
        try:
            self._load_versions(wanted)
            self._require_ready(version)
            self._require_ready(serving)
            new, old = (version_answer(self.server.admin, self.spec, one, self.timeout_s) for one in (version, serving))
            self.versions.select(wanted)
        except BaseException:
            self._load_versions(before)
            raise
        return Comparison(version, serving, new.iou(old), new.wrinkled_fraction, old.wrinkled_fraction)

    def _load_versions(self, versions: Sequence[int]) -> None:
        """Have the server, but not the repository, hold exactly ``versions``."""
        config = self.server.admin.config(self.spec.name)
        config["version_policy"] = {"specific": {"versions": list(versions)}}
        peculiar = {key: {"string_value": value} for key, value in self.versions.peculiarities().items()}
        config["parameters"] = config.get("parameters", {}) | peculiar
        self.server.admin.load(self.spec.name, config=config, timeout_s=_LOAD_TIMEOUT_S)

    def _promote(self, version: int) -> None:
        self._require_on_disk(version)
        self._require_ready(version)
        if version not in (selected := self.versions.selected()):
            self.versions.select((*selected, version))
        before = self._serving()
        expected = version_answer(self.server.admin, self.spec, version, self.timeout_s)
        try:
            self._switch(version)
            overlap = self.ask_ensemble(self.server.admin, self.spec, self.timeout_s).iou(expected)
            if overlap < MIN_REFERENCE_IOU:
                raise ServerFaultError(f"its ensemble answers otherwise than the version (IoU {overlap:.2f}).")
        except BaseException as error:
            self._switch(before)
            if not isinstance(error, Exception):
                raise
            raise ServerFaultError(f"Version {version} was not promoted, {before} serves again: {error}") from error
        self._promotions.record(version, instead_of=before)

    def _switch(self, version: int) -> None:
        """Have the ensemble run ``version``.

        Raises:
            ServerFaultError: Triton does not.
        """
        self.versions.pin(version)
        self.server.admin.load(self.spec.ensemble, timeout_s=_LOAD_TIMEOUT_S)
        if (running := self._serving()) != version:
            raise ServerFaultError(f"the ensemble still runs version {running}.")

    def _serving(self) -> int:
        """Return the version that this server's ensemble runs now.

        Another server on the same repository may have promoted another one meanwhile, which this one has not loaded.
        """
        for step in self.server.admin.config(self.spec.ensemble)["ensemble_scheduling"]["step"]:
            if step["model_name"] == self.spec.name and int(step.get("model_version", -1)) > 0:
                return int(step["model_version"])
        return self.versions.pinned()

    def _require_ready(self, version: int) -> None:
        if version not in self.server.admin.ready_versions(self.spec.name):
            raise ModelNotReadyError(
                f"The server has not loaded version {version} of {self.spec.name}; load it with "
                f"`wrinkle models load {self.spec.name} --version {version}`."
            )

    def _require_on_disk(self, version: int) -> None:
        self._require_served()
        there = self.versions.on_disk()
        if version not in there:
            raise InvalidParameterError(
                f"{self.spec.name} has no version {version} in the repository, only {', '.join(map(str, there))}."
            )

    def _require_served(self) -> None:
        if not self.versions.folder.is_dir():
            raise InvalidParameterError(f"The running server does not serve {self.spec.name}.")

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Let nobody else change versions in this repository meanwhile."""
        self._require_served()
        lock = FileLock(self.server.repository / LOCK_FILE)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ArtifactError(
                "Another `wrinkle models` is at work on this repository; wait until it is done."
            ) from error
        except OSError as error:
            raise ArtifactError(f"The repository cannot be written by this user: {error.strerror}.") from error
        try:
            yield
        finally:
            lock.release()


def _time_of(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
