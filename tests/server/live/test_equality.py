"""What the live ensemble answers is what core computes in this process."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.geometry import Geometry
from wrinkle_core.postprocess import ThresholdOptions
from wrinkle_core.report import Report

pytestmark = pytest.mark.live

ALL_OUTPUTS = ThresholdOptions(probability=True, skin_mask=True)
ALL_PARAMETERS = {"probability": True, "skin_mask": True}
LEVELS_OF_PLAY = 2  # kernels may differ inside a batch


def encoded(rgb: NDArray[np.uint8], exif_orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=92, exif=exif)
    return stream.getvalue()


def resized(rgb: NDArray[np.uint8], width_px: int, height_px: int) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(rgb).resize((width_px, height_px), Image.Resampling.BICUBIC))


def photographs(astronaut_rgb: NDArray[np.uint8], grace_hopper_jpeg: bytes) -> dict[str, bytes]:
    """Return photographs of four sizes and aspect ratios, and one that only EXIF turns upright."""
    return {
        "512x512": encoded(astronaut_rgb),
        "512x600": grace_hopper_jpeg,
        "1600x900": encoded(resized(np.pad(astronaut_rgb, ((0, 0), (199, 199), (0, 0))), 1600, 900)),
        "400x900": encoded(np.pad(resized(astronaut_rgb, 400, 400), ((300, 200), (0, 0), (0, 0)))),
        "rotated EXIF": encoded(np.ascontiguousarray(np.rot90(astronaut_rgb)), exif_orientation=6),
    }


@pytest.mark.parametrize("which", ["512x512", "512x600", "1600x900", "400x900", "rotated EXIF"])
def test_ensemble_answers_bit_for_bit_what_core_computes_in_process(
    which: str, spec: SegmenterContract, ask: Any, in_process: Any, astronaut_rgb: Any, grace_hopper_jpeg: bytes
) -> None:
    photo = photographs(astronaut_rgb, grace_hopper_jpeg)[which]
    expected = in_process(spec, photo, ALL_OUTPUTS)
    answered = ask(spec.ensemble, photo, ALL_PARAMETERS)
    assert answered["MASK_PNG"] == expected.mask_png
    assert answered["PROBABILITY_PNG"] == expected.probability_png
    assert answered["SKIN_MASK_PNG"] == expected.skin_mask_png
    assert Report.from_json(answered["REPORT_JSON"]) == Report.from_json(expected.report_json)  # timings apart


def test_marks_lie_inside_the_skin_mask_that_is_answered(
    spec: SegmenterContract, ask: Any, grace_hopper_jpeg: bytes
) -> None:
    answered = ask(spec.ensemble, grace_hopper_jpeg, ALL_PARAMETERS)
    mask, skin = decoded(answered["MASK_PNG"]), decoded(answered["SKIN_MASK_PNG"])
    assert mask.shape == skin.shape
    assert np.any(mask)
    assert not np.any(mask[skin == 0])


def test_geometry_tells_where_the_face_lies(spec: SegmenterContract, ask: Any, grace_hopper_jpeg: bytes) -> None:
    answered = ask(spec.ensemble, grace_hopper_jpeg, ALL_PARAMETERS)
    geometry = Geometry.unpack(np.frombuffer(answered["GEOMETRY"], np.float32))
    report = Report.from_json(answered["REPORT_JSON"])
    assert geometry.segmenter is spec
    assert (geometry.image_width_px, geometry.image_height_px) == (512, 600)
    eyes = geometry.landmarks_xy[[33, 263]]
    assert np.linalg.norm(eyes[0] - eyes[1]) > report.interocular_distance_px


def test_step_timings_fit_into_the_time_the_caller_waited(
    spec: SegmenterContract, ask: Any, grace_hopper_jpeg: bytes
) -> None:
    began_s = time.monotonic()
    answered = ask(spec.ensemble, grace_hopper_jpeg)
    waited_ms = 1e3 * (time.monotonic() - began_s)
    timings = Report.from_json(answered["REPORT_JSON"]).step_timings
    parts = (timings.preprocess_ms, timings.segment_ms, timings.threshold_ms)
    assert all(part is not None and part > 0.1 for part in parts)
    assert sum(part for part in parts if part is not None) < waited_ms


def test_reference_mask_is_neither_empty_nor_full(
    spec: SegmenterContract, in_process: Any, grace_hopper_jpeg: bytes
) -> None:
    mask = decoded(in_process(spec, grace_hopper_jpeg, ALL_OUTPUTS).mask_png)
    assert 0.001 < np.count_nonzero(mask) / mask.size < 0.5


def decoded(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), np.uint8)


def test_eight_clients_at_once_differ_only_where_the_probability_is_at_the_threshold(
    spec: SegmenterContract, ask_grpc: Any, in_process: Any, grace_hopper_jpeg: bytes
) -> None:
    expected = in_process(spec, grace_hopper_jpeg, ALL_OUTPUTS)
    mask, probability = decoded(expected.mask_png), decoded(expected.probability_png).astype(np.int16)
    with ThreadPoolExecutor(8) as clients:
        answers = list(
            clients.map(lambda _: ask_grpc(spec.ensemble, grace_hopper_jpeg, {"probability": True}), range(16))
        )
    near = np.abs(probability - 255.0 * spec.default_threshold) <= LEVELS_OF_PLAY
    for answer in answers:
        assert not np.any((decoded(answer["MASK_PNG"]) != mask) & ~near)
        assert np.abs(decoded(answer["PROBABILITY_PNG"]).astype(np.int16) - probability).max() <= LEVELS_OF_PLAY


def test_requests_that_wait_together_run_as_one_batch(
    spec: SegmenterContract, ask_grpc: Any, served_batch_sizes: Callable[[str], set[int]], grace_hopper_jpeg: bytes
) -> None:
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda _: ask_grpc(spec.ensemble, grace_hopper_jpeg), range(24)))
    assert max(served_batch_sizes(spec.name)) > 1
