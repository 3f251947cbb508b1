"""The full-size networks in INT8, as ``wrinkle export openvino --precision int8`` quantises; for their speed alone.

Random weights have no masks that could be compared, so the parity gate has nothing to say about these files. What INT8
does to the shipped networks' masks is in docs/export.md.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from filelock import FileLock

from wrinkle_bench.networks.bench_network import BenchNetwork
from wrinkle_core.contract import segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.openvino_core import openvino_core, ov
from wrinkle_core.preprocess import prepare
from wrinkle_export.openvino_ir.int8 import MIN_CALIBRATION_PICTURES, Int8Options, quantised
from wrinkle_server.supervision.canary import canary_photo

__all__ = ["int8_network"]

_MAKING_LIMIT_S: Final = 1800.0


def int8_network(network: BenchNetwork, folder: Path) -> Path:
    """Return ``model.xml`` of a network in INT8; the first call makes it, which takes a minute or two.

    Args:
        network: In FP32.
        folder: Where it is kept.
    """
    wanted = folder / f"{network.onnx.stem}-int8.xml"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{wanted.name}.lock", timeout=_MAKING_LIMIT_S):
        if not wanted.is_file() or wanted.stat().st_mtime < network.onnx.stat().st_mtime:
            _make(network, wanted)
    return wanted


def _make(network: BenchNetwork, wanted: Path) -> None:
    spec = segmenter(network.segmenter)
    face = prepare(decode_image(canary_photo()), spec, FaceLandmarker()).network_input
    # The same face again and again: ranges decide what is rounded, not how long it takes.
    pictures = [face] * MIN_CALIBRATION_PICTURES
    model = quantised(openvino_core().read_model(network.onnx), spec.input_px, pictures, Int8Options())
    with tempfile.TemporaryDirectory(prefix="making-", dir=wanted.parent) as scratch:
        made = Path(scratch, wanted.name)
        ov.save_model(model, made, compress_to_fp16=False)
        os.replace(made.with_suffix(".bin"), wanted.with_suffix(".bin"))
        os.replace(made, wanted)
