"""What ``model-config.yaml`` may say to the handler, in its section ``handler``; TorchServe reads the rest itself."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES, DEFAULT_MAX_PIXELS
from wrinkle_core.errors import InvalidParameterError

__all__ = ["HandlerOptions", "NetworkOptions", "TorchPrecision"]

TorchPrecision: TypeAlias = Literal["fp32", "bf16"]


class NetworkOptions(BaseModel):
    """How a worker runs its network.

    Attributes:
        precision: ``fp32``, or ``bf16`` for autocast of all but the shallow layers, batch normalisation folded; the
            probability is rounded from float32 in both.
        compile: Whether ``torch.compile`` makes kernels when the worker starts; takes minutes and a C++ compiler.
        threads: Threads of one worker's network; 0 leaves them to torch, which takes every core.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    precision: TorchPrecision = "fp32"
    compile: bool = False
    threads: int = Field(default=0, ge=0, le=1024)


class HandlerOptions(NetworkOptions):
    """How a worker answers.

    Attributes:
        max_encoded_bytes: Largest image file, checked before it is decoded.
        max_pixels: Most pixels of an image, checked before it is decoded.
    """

    max_encoded_bytes: int = Field(default=DEFAULT_MAX_ENCODED_BYTES, ge=1)
    max_pixels: int = Field(default=DEFAULT_MAX_PIXELS, ge=1)

    @classmethod
    def from_model_config(cls, model_config: dict[str, Any]) -> HandlerOptions:
        """Read the section ``handler`` of a model's configuration; without one the defaults hold.

        Raises:
            InvalidParameterError: A key is unknown or a value out of range.
        """
        try:
            return cls.model_validate(model_config.get("handler") or {})
        except ValidationError as error:
            problem = error.errors()[0]
            key = ".".join(map(str, problem["loc"])) or "handler"
            raise InvalidParameterError(f"model-config.yaml, handler.{key}: {problem['msg']}.") from error
