"""The whole service in one process: what the Triton ensemble computes, step by step, without Triton.

The reference that the live ensemble must equal bit for bit, timings apart; evaluation and offline use call it too.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.decode import DecodeLimits
from wrinkle_core.geometry import Geometry
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.postprocess import Answer, ThresholdOptions, postprocess
from wrinkle_core.preprocess import prepare_encoded
from wrinkle_core.step_timings import PreprocessStamp

__all__ = ["segment_bytes"]


def segment_bytes(
    data: bytes,
    spec: SegmenterContract,
    landmarker: FaceLandmarker,
    segmenter: OnnxSegmenter,
    options: ThresholdOptions | None = None,
    limits: DecodeLimits | None = None,
) -> Answer:
    """Segment the largest face of one encoded photograph.

    Raises:
        InvalidImageError: The bytes cannot be read.
        ImageTooLargeError: Over a limit.
        NoFaceError: No face was found.
    """
    began_s = time.monotonic()
    prepared = prepare_encoded(data, spec, landmarker, limits)
    stamp = PreprocessStamp.since(began_s)
    probability = segmenter.infer(prepared.network_input)
    geometry = Geometry.unpack(replace(prepared.geometry, stamp=stamp).pack())  # GEOMETRY travels as float32
    return postprocess(np.asarray(probability), prepared.network_input, geometry, options or ThresholdOptions())
