"""What a server says of itself and of its models."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Health", "ModelInfo", "ServerInfo"]


@dataclass(frozen=True, slots=True)
class Health:
    """What the server says of itself; both False when nothing answers."""

    live: bool
    ready: bool


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One segmenter of the contract, as this server offers it.

    Attributes:
        name: Value for ``segment(..., model=name)``.
        ready: Whether the server can run it now.
        versions: Versions the server has; empty when it does not serve the model.
        default_threshold: Probability at and above which a pixel is a wrinkle, unless asked otherwise.
    """

    name: str
    ready: bool
    versions: tuple[str, ...]
    default_threshold: float


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server, or the gateway before it, says of itself.

    Attributes:
        name: ``triton``, ``wrinkle-serving`` for a gateway, ``torchserve``.
        version: The software's version; empty when the server keeps it to itself.
        extensions: KServe extensions it offers.
        contract_version: Version of the tensor contract its models speak; None when it does not say.
    """

    name: str
    version: str
    extensions: tuple[str, ...]
    contract_version: int | None
