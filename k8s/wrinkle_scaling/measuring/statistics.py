"""What Triton says about itself: how its steps are run, and for how long they have worked.

Source: Triton extensions ``extension_statistics.md`` and ``extension_model_configuration.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tritonclient.http import InferenceServerClient
from tritonclient.utils import InferenceServerException

from wrinkle_core.contract import THRESHOLD, SegmenterContract
from wrinkle_core.errors import ServerFaultError
from wrinkle_scaling.replica.profile import Bounds

__all__ = ["StepConfig", "TritonStatistics"]


@dataclass(frozen=True, slots=True)
class StepConfig:
    """How one step is run.

    Attributes:
        instances: Calls at the same time.
        threads: Cores that one call may use; 0 for all.
    """

    instances: int
    threads: int


class TritonStatistics:
    """One server's own figures about one ensemble; a context manager."""

    def __init__(self, host: str, http_port: int, spec: SegmenterContract) -> None:
        self.steps = (spec.preprocessor, spec.name, THRESHOLD.name)
        self._client = InferenceServerClient(f"{host}:{http_port}", connection_timeout=5.0, network_timeout=10.0)

    def __enter__(self) -> TritonStatistics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def worked(self) -> dict[str, tuple[int, float]]:
        """Return requests finished and seconds worked on them, queues left out, of every step so far."""
        return {name: self._worked(name) for name in self.steps}

    def configs(self) -> dict[str, StepConfig]:
        """Return how every step is run."""
        return {name: _step_config(self._config(name)) for name in self.steps}

    def bounds(self, *, admission: bool) -> Bounds:
        """Return what the server refuses.

        Args:
            admission: Whether a supervisor publishes the queues' lengths, as ``wrinkle serve`` does.
        """
        if not admission:
            return Bounds(max_waiting=None, max_queue_size=None)
        config = self._config(self.steps[0])
        told = {name: int(config["parameters"][name]["string_value"]) for name in ("max_waiting", "max_queue_size")}
        return Bounds(**told)

    def _worked(self, model_name: str) -> tuple[int, float]:
        versions = self._told(self._client.get_inference_statistics, model_name)["model_stats"]
        counts, seconds = 0, 0.0
        for version in versions:
            done, queued = version["inference_stats"]["success"], version["inference_stats"]["queue"]
            counts += int(done.get("count", 0))
            seconds += (int(done.get("ns", 0)) - int(queued.get("ns", 0))) / 1e9
        return counts, seconds

    def _config(self, model_name: str) -> Mapping[str, Any]:
        return self._told(self._client.get_model_config, model_name)

    def _told(self, ask: Callable[[str], Any], model_name: str) -> Mapping[str, Any]:
        try:
            told: Mapping[str, Any] = ask(model_name)
        except InferenceServerException as error:
            raise ServerFaultError(
                f"The server does not tell the figures of {model_name}: they come from Triton's own HTTP port, which "
                "`wrinkle serve --http bare` opens."
            ) from error
        return told


def _step_config(config: Mapping[str, Any]) -> StepConfig:
    threads = config.get("parameters", {}).get("threads", {}).get("string_value", "1")
    return StepConfig(sum(int(group["count"]) for group in config["instance_group"]), int(threads))
