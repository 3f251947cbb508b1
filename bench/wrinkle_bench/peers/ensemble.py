"""Our ensemble through the SDK; with another segmenter step, the same ensemble on another runtime."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_bench.bench_server import bench_repository, served_on
from wrinkle_bench.peers.peer import PeerAnswer
from wrinkle_client import Client
from wrinkle_core.contract import SegmenterContract
from wrinkle_export.repository.served_network import ServedNetwork

__all__ = ["SdkPeer", "ensemble", "onnxruntime_ensemble"]

_TIMEOUT_S: Final = 900.0
_ONNXRUNTIME_STEP: Final = "from wrinkle_bench.peers.onnxruntime_step import OnnxRuntimeStep as TritonPythonModel\n"


@dataclass(frozen=True, slots=True)
class SdkPeer:
    """Whatever the SDK can talk to."""

    client: Client
    segmenter: str

    def infer(self, photo: bytes, *, probability: bool = False) -> PeerAnswer:
        """Segment one encoded photograph."""
        found = self.client.segment(photo, model=self.segmenter, probability=probability, timeout_s=_TIMEOUT_S)
        return PeerAnswer(found.mask, found.probability)


@contextmanager
def ensemble(spec: SegmenterContract, network: ServedNetwork) -> Iterator[SdkPeer]:
    """Serve a network as ``wrinkle serve`` does."""
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        with _peer(bench_repository(Path(folder, "repository"), {spec.name: network}), spec) as peer:
            yield peer


@contextmanager
def onnxruntime_ensemble(spec: SegmenterContract, onnx: Path) -> Iterator[SdkPeer]:
    """Serve the same ensemble with ONNX Runtime in the segmenter's Python step."""
    with tempfile.TemporaryDirectory(prefix="wrinkle-bench-") as folder:
        repository = bench_repository(Path(folder, "repository"), {spec.name: ServedNetwork.from_onnx(onnx)})
        version = repository / spec.name / "1"
        (version / "model.py").write_text(_ONNXRUNTIME_STEP, encoding="utf-8")
        shutil.copyfile(onnx, version / "model.onnx")
        with _peer(repository, spec) as peer:
            yield peer


@contextmanager
def _peer(repository: Path, spec: SegmenterContract) -> Iterator[SdkPeer]:
    with served_on(repository) as server, Client(server.url) as client:
        yield SdkPeer(client, spec.name)
