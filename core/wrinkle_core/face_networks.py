"""Running one of MediaPipe's tflite networks with OpenVINO, uint8 pixels in, float32 tensors out.

The pixel range each network was trained with is built into its compiled graph. The precision is forced to float32: the
networks take a millisecond, and bfloat16 moves landmarks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_core.openvino_core import openvino_core, ov

__all__ = ["FaceNetwork"]


class FaceNetwork:
    """One compiled network with one infer request: for use by one thread at a time."""

    def __init__(self, model_path: Path, *, pixel_mean: float, pixel_scale: float, threads: int) -> None:
        """Compile ``model_path`` so that it sees ``(pixel - pixel_mean) / pixel_scale``.

        Raises:
            ArtifactError: OpenVINO cannot read or compile the file.
        """
        hint = ov.properties.hint
        try:
            core = openvino_core()
            model = core.read_model(model_path)
            self.input_px = int(model.input(0).shape[1])
            steps = ov.preprocess.PrePostProcessor(model)
            steps.input().tensor().set_element_type(ov.Type.u8)
            steps.input().preprocess().convert_element_type(ov.Type.f32).mean(pixel_mean).scale(pixel_scale)
            compiled = core.compile_model(
                steps.build(),
                "CPU",
                {
                    ov.properties.inference_num_threads: threads,
                    hint.performance_mode: hint.PerformanceMode.LATENCY,
                    hint.inference_precision: ov.Type.f32,
                },
            )
        except RuntimeError as error:
            raise ArtifactError(
                f"{model_path.name} is no network OpenVINO can run; run `wrinkle assets fetch --force`."
            ) from error
        self._request = compiled.create_infer_request()
        self._input = np.zeros((1, self.input_px, self.input_px, 3), np.uint8)
        self._request.set_input_tensor(ov.Tensor(self._input, shared_memory=True))

    def __call__(self, crop_rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run on one (input_px, input_px, 3) uint8 RGB crop; return both output tensors as (rows, values) float32.

        Source: both networks end in one large and one small tensor; the large one comes first.
        """
        self._input[0] = crop_rgb
        self._request.infer()
        first = np.array(self._request.get_output_tensor(0).data, np.float32)
        second = np.array(self._request.get_output_tensor(1).data, np.float32)
        return first.reshape(-1, first.shape[-1]), second.reshape(-1, second.shape[-1])
