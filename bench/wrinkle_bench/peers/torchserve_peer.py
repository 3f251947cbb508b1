"""TorchServe with this project's handler, as ``wrinkle torchserve start`` runs it, and the SDK as its caller."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wrinkle_bench.peers.ensemble import SdkPeer
from wrinkle_client import Client
from wrinkle_core.assets import fetch_assets
from wrinkle_handlers.archive.model_archive import write_archive
from wrinkle_handlers.archive.model_config import ModelConfig
from wrinkle_handlers.options import HandlerOptions, TorchPrecision
from wrinkle_handlers.server.options import TorchServeOptions
from wrinkle_handlers.server.torchserve import TorchServe
from wrinkle_server.triton.ports import free_ports

__all__ = ["torchserve"]

_RESPONSE_TIMEOUT_S: Final = 900


@contextmanager
def torchserve(checkpoint: Path, precision: TorchPrecision, *, compiled: bool) -> Iterator[SdkPeer]:
    """Serve a checkpoint for as long as the block runs.

    Photographs are not batched: on a CPU a batch takes as long as its photographs one after the other.

    Args:
        checkpoint: safetensors.
        precision: ``fp32``, or ``bf16`` for autocast.
        compiled: Whether torch compiles the network when the worker starts.

    Raises:
        MissingExtraError: TorchServe is not installed.
        ServerStartError: There is no Java, or it did not start.
    """
    fetch_assets()
    port, metrics_port = free_ports(2)
    config = ModelConfig(
        batch_size=1,
        max_batch_delay_ms=0,
        response_timeout_s=_RESPONSE_TIMEOUT_S,
        handler=HandlerOptions(precision=precision, compile=compiled),
    )
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        store = Path(folder, "model-store")
        archive = write_archive(checkpoint, store, config)
        options = TorchServeOptions(store, port, metrics_port, Path(folder, "torchserve.log"))
        with TorchServe(options) as server, Client(server.url, token=server.token) as client:
            yield SdkPeer(client, archive.spec.name)
