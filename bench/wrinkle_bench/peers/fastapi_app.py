"""A segmentation service as people write it first: FastAPI, an uploaded file, torch in FP32, JSON out.

It calls the same image steps as ours and is honest otherwise: no queue, no bounds, no batching, default threads. Run by
uvicorn, which finds the network's checkpoint in ``WRINKLE_BENCH_CHECKPOINT``.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from fastapi import FastAPI, File, UploadFile

from wrinkle_bench.peers import CHECKPOINT_VARIABLE
from wrinkle_core.contract import segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.geometry import Geometry
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.postprocess import ThresholdOptions, postprocess
from wrinkle_core.preprocess import prepare
from wrinkle_train.weights_file import load_weights

__all__ = ["app"]

app = FastAPI()

_network, _recipe = load_weights(Path(os.environ[CHECKPOINT_VARIABLE]))
_spec = segmenter(_recipe.segmenter)
_landmarker = FaceLandmarker()


@app.post("/segment")
def segment(photo: Annotated[UploadFile, File()], probability: bool = False) -> dict[str, Any]:
    """Return mask and probability as base64 PNG, and the report."""
    prepared = prepare(decode_image(photo.file.read()), _spec, _landmarker)
    with torch.inference_mode():
        found = _network(torch.from_numpy(prepared.network_input))
    geometry = Geometry.unpack(prepared.geometry.pack())
    answer = postprocess(
        np.asarray(found.numpy()), prepared.network_input, geometry, ThresholdOptions(probability=probability)
    )
    return {
        "mask_png": base64.b64encode(answer.mask_png).decode("ascii"),
        "probability_png": base64.b64encode(answer.probability_png).decode("ascii"),
        "report": answer.report_json.decode("utf-8"),
    }
