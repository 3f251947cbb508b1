"""What the service computes for Grace Hopper's portrait, kept as pictures.

Run this file to renew them after a change that is meant to change them, and look at the difference before
committing it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray

from wrinkle_core.assets import fetch_assets
from wrinkle_core.contract import SEGMENTERS, SegmenterContract
from wrinkle_core.decode import decode_image
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.pipeline import segment_bytes
from wrinkle_core.preprocess import prepare
from wrinkle_export.repository.choice import bundled_network

__all__ = ["compute", "golden"]

FOLDER: Final = Path(__file__).parent / "core" / "golden"
_BOX: Final = 2  # pictures of inputs are kept at half size


def _portrait() -> bytes:
    return Path(get_sample_data("grace_hopper.jpg", asfileobj=False)).read_bytes()


def compute(spec: SegmenterContract) -> dict[str, NDArray[np.uint8]]:
    """Return the network input, reduced, and the mask of one segmenter with its shipped weights, each (h, w) uint8."""
    landmarker = FaceLandmarker(fetch_assets())
    planes = prepare(decode_image(_portrait()), spec, landmarker).network_input[0]
    mosaic = np.concatenate(list(planes), axis=1)
    half = cv2.resize(mosaic, (mosaic.shape[1] // _BOX, mosaic.shape[0] // _BOX), interpolation=cv2.INTER_AREA)
    segmenter = OnnxSegmenter(bundled_network(spec.name), precision="f32")
    mask = cv2.imdecode(
        np.frombuffer(segment_bytes(_portrait(), spec, landmarker, segmenter).mask_png, np.uint8), cv2.IMREAD_GRAYSCALE
    )
    return {"input": np.asarray(half, np.uint8), "mask": np.asarray(mask, np.uint8)}


def golden(spec: SegmenterContract, name: str) -> NDArray[np.uint8]:
    """Return the picture that was kept."""
    return np.asarray(cv2.imread(str(FOLDER / f"{spec.name}-{name}.png"), cv2.IMREAD_GRAYSCALE), np.uint8)


def _renew() -> None:
    for spec in SEGMENTERS:
        for name, picture in compute(spec).items():
            parameters = (cv2.IMWRITE_PNG_BILEVEL, 1) if name == "mask" else (cv2.IMWRITE_PNG_COMPRESSION, 9)
            cv2.imwrite(str(FOLDER / f"{spec.name}-{name}.png"), picture, parameters)


if __name__ == "__main__":
    _renew()
