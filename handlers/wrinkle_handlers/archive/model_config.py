"""``model-config.yaml``: what TorchServe does with a model, and what the handler does.

Source: TorchServe docs/configuration.md and model-archiver/README.md, "Config file".
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from wrinkle_core.errors import InvalidParameterError
from wrinkle_handlers.options import HandlerOptions

__all__ = ["ModelConfig"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """How TorchServe runs one model.

    Attributes:
        workers: Processes of it, each with a copy of the network.
        batch_size: Most requests of one batch.
        max_batch_delay_ms: Longest wait for a batch to fill; what an idle server adds to every answer when
            ``batch_size`` is above 1.
        response_timeout_s: After this long without an answer a worker is killed and started anew.
        startup_timeout_s: How long a worker may take to load.
        handler: The handler's own options.

    Raises:
        InvalidParameterError: A number is below its least.
    """

    workers: int = 1
    batch_size: int = 4
    max_batch_delay_ms: int = 5
    response_timeout_s: int = 120
    startup_timeout_s: int = 900
    handler: HandlerOptions = field(default_factory=HandlerOptions)

    def __post_init__(self) -> None:
        least = {
            "workers": 1,
            "batch_size": 1,
            "max_batch_delay_ms": 0,
            "response_timeout_s": 1,
            "startup_timeout_s": 1,
        }
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InvalidParameterError(f"{name} is {getattr(self, name)}, expected at least {value}.")

    def to_yaml(self) -> str:
        """Return the file's content."""
        document = {
            "minWorkers": self.workers,
            "maxWorkers": self.workers,
            "batchSize": self.batch_size,
            "maxBatchDelay": self.max_batch_delay_ms,
            "responseTimeout": self.response_timeout_s,
            "startupTimeout": self.startup_timeout_s,
            "handler": self.handler.model_dump(mode="json"),
        }
        return yaml.safe_dump(document, sort_keys=False)
