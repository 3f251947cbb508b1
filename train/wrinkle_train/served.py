"""A segmenter as it is served: photograph bytes in, probability and mask in the photograph's pixels out.

Evaluation goes through the same preprocess, network and postprocess code as Triton, so a score is a score of the
service.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from wrinkle_core.contract import SegmenterContract, segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import ArtifactError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.postprocess import ThresholdOptions, postprocess
from wrinkle_core.preprocess import prepare
from wrinkle_train.weights_file import load_weights

__all__ = ["PhotoProbability", "ServedSegmenter", "cut"]

_Infer = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True, eq=False)
class PhotoProbability:
    """What the network says of one photograph.

    Attributes:
        photo_rgb: (H, W, 3) uint8, upright.
        probability: (H, W) uint8, times 255, 0 outside the skin mask.
        skin: (H, W) uint8 {0, 1}, the segmenter's skin mask.
    """

    photo_rgb: NDArray[np.uint8]
    probability: NDArray[np.uint8]
    skin: NDArray[np.uint8]


class ServedSegmenter:
    """One network behind the service's own preprocess and postprocess.

    Args:
        name: Segmenter of the contract.
        infer: Maps (1, C, S, S) uint8 to (1, S, S) uint8.
        landmarker: Finds faces; one is made when not given.
    """

    def __init__(self, name: str, infer: _Infer, landmarker: FaceLandmarker | None = None) -> None:
        self.spec: SegmenterContract = segmenter(name)
        self._infer = infer
        self._landmarker = landmarker or FaceLandmarker()

    @classmethod
    def from_onnx(cls, name: str, path: Path, landmarker: FaceLandmarker | None = None) -> ServedSegmenter:
        """Run an ONNX file in FP32 with OpenVINO.

        Raises:
            ArtifactError: The file is missing or does not fit the contract.
        """
        if not path.is_file():
            raise ArtifactError(f"{path.name} does not exist; export one with `wrinkle export onnx`.")
        network = OnnxSegmenter(path, precision="f32")
        return cls(name, lambda pixels: np.asarray(network.infer(pixels)), landmarker)

    @classmethod
    def from_weights(cls, path: Path, landmarker: FaceLandmarker | None = None) -> ServedSegmenter:
        """Run a safetensors file in FP32 with torch.

        Raises:
            ArtifactError: The file is missing or was not written by training.
        """
        network, recipe = load_weights(path)

        def infer(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
            with torch.inference_mode():
                return np.asarray(network(torch.from_numpy(pixels)).numpy())

        return cls(recipe.segmenter, infer, landmarker)

    def probability(self, photo: bytes) -> PhotoProbability:
        """Segment one encoded photograph.

        Raises:
            InvalidImageError: The bytes cannot be read.
            NoFaceError: No face was found.
        """
        rgb = decode_image(photo)
        prepared = prepare(rgb, self.spec, self._landmarker)
        answer = postprocess(
            self._infer(prepared.network_input),
            prepared.network_input,
            prepared.geometry,
            ThresholdOptions(probability=True),
        )
        encoded = np.frombuffer(answer.probability_png, np.uint8)
        probability = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
        skin = face_mask(prepared.geometry.landmarks_xy, rgb.shape[0], rgb.shape[1], self.spec.mask_rule)
        return PhotoProbability(rgb, probability, skin)


def cut(found: PhotoProbability, threshold: float) -> NDArray[np.uint8]:
    """Return the (H, W) mask {0, 1} the threshold step makes of a probability map."""
    level = max(math.ceil(round(255.0 * threshold, 6)), 1)
    return ((found.probability >= level) & (found.skin > 0)).astype(np.uint8)
