"""A user's face parsing network, run with OpenVINO: 19 classes, of which paper 2 keeps skin and nose.

The network is the BiSeNet of zllrunning/face-parsing.PyTorch exported to ONNX: one input (1, 3, 512, 512) float32, RGB
with ImageNet normalisation; its first output (1, 19, 512, 512). It is not part of this project.

Source: ``face_masking.py`` of labhai/ffhq-wrinkle-dataset and the parser's own test script; methods.md, section 3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_core.openvino_core import openvino_core, ov
from wrinkle_train.data.parsed_face import parsed_face_mask
from wrinkle_train.data.reading import PARSED_CLASSES

__all__ = ["PARSER_PX", "FaceParser"]

PARSER_PX: Final = 512
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION: Final = np.array([0.229, 0.224, 0.225], np.float32)
_EXPORT: Final = "export BiSeNet with 19 classes at 512 x 512"


class FaceParser:
    """One compiled face parsing network; for use by one thread at a time.

    Args:
        model: ONNX file.
        threads: Threads one inference may use.

    Raises:
        ArtifactError: The file is missing, no ONNX model, or not a parser with 19 classes at 512 x 512.
    """

    def __init__(self, model: Path, *, threads: int = 1) -> None:
        if not model.is_file():
            raise ArtifactError(f"There is no file {model.name}; {_EXPORT} to ONNX.")
        try:
            core = openvino_core()
            network = core.read_model(model)
            _require_image_input(network, model.name)
            network.reshape([1, 3, PARSER_PX, PARSER_PX])
            shape = tuple(network.output(0).get_partial_shape().to_shape())
            settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
            compiled = core.compile_model(network, "CPU", settings)
        except RuntimeError as error:
            raise ArtifactError(f"{model.name} cannot be run as an ONNX model; {_EXPORT} again.") from error
        if shape != (1, PARSED_CLASSES, PARSER_PX, PARSER_PX):
            raise ArtifactError(f"{model.name} gives {shape}, not (1, 19, 512, 512); {_EXPORT}.")
        self._request = compiled.create_infer_request()

    def classes(self, face_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the (512, 512) uint8 class map of an aligned face, (S, S, 3) uint8 RGB."""
        small = cv2.resize(face_rgb, (PARSER_PX, PARSER_PX), interpolation=cv2.INTER_LINEAR)
        pixels = (np.asarray(small, np.float32) / np.float32(255) - _MEAN) / _DEVIATION
        self._request.infer([np.ascontiguousarray(pixels.transpose(2, 0, 1))[np.newaxis]])
        scores = np.asarray(self._request.get_output_tensor(0).data)
        return np.asarray(scores[0].argmax(axis=0), np.uint8)

    def face_mask(self, face_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the (S, S) mask {0, 1} of skin and nose of an aligned face, (S, S, 3) uint8 RGB."""
        return parsed_face_mask(self.classes(face_rgb), face_rgb.shape[0])


def _require_image_input(network: Any, name: str) -> None:
    """Raise unless the network takes one float32 tensor of three channels."""
    ports = network.inputs
    wanted = ov.PartialShape([-1, 3, -1, -1])
    if len(ports) != 1 or ports[0].get_element_type() != ov.Type.f32 or not ports[0].partial_shape.compatible(wanted):
        raise ArtifactError(f"{name} must take one float32 input (1, 3, 512, 512); {_EXPORT}.")
