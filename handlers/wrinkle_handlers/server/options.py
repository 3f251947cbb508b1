"""How TorchServe is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES
from wrinkle_core.errors import InvalidParameterError

__all__ = ["LARGEST_ANSWER_BYTES", "TorchServeOptions"]

# Pictures of the largest photograph, uncompressed, in Base64, and the report.
LARGEST_ANSWER_BYTES: Final = 72 * 1024 * 1024
_FORM_BYTES: Final = 64 * 1024  # what a multipart form may add to the file


@dataclass(frozen=True, slots=True)
class TorchServeOptions:
    """Where TorchServe listens, always on loopback, and what it bounds.

    Attributes:
        model_store: Folder with the .mar files, all of which are served.
        port: HTTP inference.
        metrics_port: Prometheus metrics.
        log_path: TorchServe's log with the workers' lines, 10 MB at most, then rotated twice.
        max_request_bytes: Largest body; a larger one is answered 413 before it is read.
        max_response_bytes: Largest answer of a worker.
        max_waiting: Requests that may wait for a model's workers; one more is answered 503.
        heap_mib: Memory of the front end; requests that wait are in it.
        start_timeout_s: How long loading may take.
        stop_timeout_s: How long the server may take to stop before it is killed.

    Raises:
        InvalidParameterError: There is no model store with a model in it.
    """

    model_store: Path
    port: int
    metrics_port: int
    log_path: Path
    max_request_bytes: int = DEFAULT_MAX_ENCODED_BYTES + _FORM_BYTES
    max_response_bytes: int = LARGEST_ANSWER_BYTES
    max_waiting: int = 16
    heap_mib: int = 1024
    start_timeout_s: float = 900.0
    stop_timeout_s: float = 20.0

    def __post_init__(self) -> None:
        if not self.archives:
            raise InvalidParameterError(
                f"{self.model_store.name} holds no .mar file; `wrinkle torchserve archive` makes them."
            )

    @property
    def archives(self) -> tuple[str, ...]:
        """Names of the .mar files."""
        return tuple(sorted(path.name for path in self.model_store.glob("*.mar")))

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, as the archives of ``wrinkle torchserve archive`` have them."""
        return tuple(name.removesuffix(".mar") for name in self.archives)
