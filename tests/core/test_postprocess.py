from __future__ import annotations

import io
import math
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates

from wrinkle_core.alignment import ffhq_alignment, inter_ocular_px, transform_points
from wrinkle_core.contract import CONTRACT_VERSION, SEGMENTERS, MaskRule, SegmenterContract, segmenter
from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.geometry import CaptureQuality, Geometry
from wrinkle_core.postprocess import Answer, ThresholdOptions, postprocess
from wrinkle_core.quality import quality_warnings
from wrinkle_core.regions import REGIONS
from wrinkle_core.report import Report
from wrinkle_core.step_timings import PreprocessStamp

QUALITY = CaptureQuality(150.0, -3.25, 4.0, 0.5, 11.0, 0.55, 0.01, 0.0, 0.98, 1.0)
UNETPP = segmenter("unetpp")
LEVELS = st.integers(0, 255)


def geometry_of(
    landmarks_xy: NDArray[np.float32], width_px: int, height_px: int, spec: SegmenterContract = UNETPP
) -> Geometry:
    """Return the geometry as it arrives: packed to float32 and unpacked."""
    alignment = ffhq_alignment(landmarks_xy, spec.input_px)
    return Geometry.unpack(Geometry(spec, width_px, height_px, alignment, QUALITY, landmarks_xy).pack())


def turned(landmarks_xy: NDArray[np.float32], angle_deg: float, scale: float) -> NDArray[np.float32]:
    """Return the landmarks turned about the middle of the 512 px photograph, which is enlarged by ``scale``."""
    matrix = np.asarray(cv2.getRotationMatrix2D((255.5, 255.5), angle_deg, scale), np.float64)
    return transform_points(landmarks_xy, matrix) + np.float32((scale - 1) * 256)


def flat_probability(level: int, spec: SegmenterContract = UNETPP) -> NDArray[np.uint8]:
    return np.full((1, spec.input_px, spec.input_px), level, np.uint8)


def blobs(spec: SegmenterContract, seed: int = 0) -> NDArray[np.uint8]:
    """Return smooth random probabilities that cross every level."""
    noise = np.random.default_rng(seed).normal(size=(spec.input_px, spec.input_px)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), spec.input_px / 100)
    unit = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    levels: NDArray[np.uint8] = np.rint(unit * 255).astype(np.uint8)
    return levels[np.newaxis]


def grey_input(spec: SegmenterContract = UNETPP) -> NDArray[np.uint8]:
    return np.full((1, len(spec.channels), spec.input_px, spec.input_px), 150, np.uint8)


def answer_to(
    probability: NDArray[np.uint8], geometry: Geometry, *, threshold: float | None = None, with_map: bool = False
) -> Answer:
    options = ThresholdOptions(threshold, with_map)
    return postprocess(probability, grey_input(geometry.segmenter), geometry, options)


def png(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


def mask_of(answer: Answer) -> NDArray[np.uint8]:
    return png(answer.mask_png).astype(np.uint8)


def drawn_mask(geometry: Geometry) -> NDArray[np.uint8]:
    rule = geometry.segmenter.mask_rule
    return face_mask(geometry.landmarks_xy, geometry.image_height_px, geometry.image_width_px, rule)


@pytest.fixture
def geometry(astronaut_landmarks_xy: NDArray[np.float32]) -> Geometry:
    return geometry_of(astronaut_landmarks_xy, 512, 512)


def test_the_mask_is_a_one_bit_png_of_the_photographs_size(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    answer = answer_to(blobs(UNETPP), geometry_of(astronaut_landmarks_xy, 640, 480))

    image = Image.open(io.BytesIO(answer.mask_png))
    assert (image.format, image.mode, image.size) == ("PNG", "1", (640, 480))


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
@pytest.mark.parametrize(("angle_deg", "scale"), [(0, 1), (20, 1.5), (-75, 0.6), (180, 3)])
def test_the_mask_is_the_warped_probability_cut_at_the_threshold_within_the_skin(
    astronaut_landmarks_xy: NDArray[np.float32], spec: SegmenterContract, angle_deg: float, scale: float
) -> None:
    side = round(512 * scale)
    geometry = geometry_of(turned(astronaut_landmarks_xy, angle_deg, scale), side, side, spec)
    probability = blobs(spec)

    mask = mask_of(answer_to(probability, geometry, threshold=0.5))

    y, x = np.mgrid[0:side, 0:side].astype(np.float64)
    matrix = geometry.photo_to_aligned
    rows, columns = (matrix[row, 0] * x + matrix[row, 1] * y + matrix[row, 2] for row in (1, 0))
    exact = map_coordinates(probability[0].astype(np.float64), [rows, columns], order=1) / 255
    expected = (exact >= 0.5) & (drawn_mask(geometry) == 1)
    differs = expected != mask.astype(np.bool_)
    assert expected.sum() > 500
    assert np.all(np.abs(exact[differs] - 0.5) <= 2 / 255)
    assert not np.array_equal(np.roll(mask, 3, axis=1), mask)


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_a_certain_probability_marks_exactly_the_skin_drawn_in_the_photograph(
    astronaut_landmarks_xy: NDArray[np.float32], spec: SegmenterContract
) -> None:
    geometry = geometry_of(turned(astronaut_landmarks_xy, 10, 1.7), 870, 850, spec)

    assert_array_equal(mask_of(answer_to(flat_probability(255, spec), geometry)), drawn_mask(geometry))


@given(level=LEVELS, threshold=st.floats(0, 1) | LEVELS.map(lambda level: level / 255))
@settings(max_examples=40, deadline=None)
def test_a_pixel_is_marked_from_the_threshold_on(
    astronaut_landmarks_xy: NDArray[np.float32], level: int, threshold: float
) -> None:
    geometry = geometry_of(astronaut_landmarks_xy, 512, 512)
    if abs(level / 255 - threshold) < 1e-6:
        threshold = level / 255
    marked = mask_of(answer_to(flat_probability(level), geometry, threshold=threshold)).any()

    assert marked == (level / 255 >= threshold)


def test_the_default_threshold_is_the_segmenters_own(geometry: Geometry) -> None:
    level = math.ceil(255 * UNETPP.default_threshold)
    report = Report.from_json(answer_to(flat_probability(level), geometry).report_json)

    assert report.threshold == UNETPP.default_threshold
    assert mask_of(answer_to(flat_probability(level), geometry)).any()
    assert not mask_of(answer_to(flat_probability(level - 1), geometry)).any()


def test_the_probability_map_comes_only_when_asked_for(geometry: Geometry) -> None:
    probability = blobs(UNETPP)
    without = answer_to(probability, geometry)
    asked = answer_to(probability, geometry, with_map=True)

    assert without.probability_png == b""
    assert asked.mask_png == without.mask_png
    image = Image.open(io.BytesIO(asked.probability_png))
    assert (image.mode, image.size) == ("L", (512, 512))


def test_the_mask_can_be_made_again_from_the_probability_map(geometry: Geometry) -> None:
    answer = answer_to(blobs(UNETPP), geometry, with_map=True, threshold=0.47)

    again = (png(answer.probability_png) >= math.ceil(255 * 0.47)) & (drawn_mask(geometry) == 1)
    assert_array_equal(mask_of(answer), again.astype(np.uint8))


def test_the_same_tensors_give_the_same_bytes_and_the_same_report(geometry: Geometry) -> None:
    probability = blobs(UNETPP)

    first, second = (answer_to(probability, geometry, with_map=True) for _ in range(2))
    assert (first.mask_png, first.probability_png) == (second.mask_png, second.probability_png)
    assert Report.from_json(first.report_json) == Report.from_json(second.report_json)  # timings apart


def test_the_report_says_what_was_measured_and_how(geometry: Geometry) -> None:
    report = Report.from_json(answer_to(blobs(UNETPP), geometry, threshold=0.6).report_json)

    assert (report.contract_version, report.segmenter, report.threshold) == (CONTRACT_VERSION, "unetpp", 0.6)
    assert (report.image_width_px, report.image_height_px) == (512, 512)
    assert report.interocular_distance_px == pytest.approx(inter_ocular_px(geometry.landmarks_xy), abs=0.01)
    assert [figures.name for figures in report.regions] == [region.name for region in REGIONS]
    assert report.quality == geometry.quality
    assert report.warnings == quality_warnings(geometry.quality)


def test_the_figures_do_not_depend_on_the_photographs_size(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    probability = blobs(UNETPP)
    small = geometry_of(astronaut_landmarks_xy, 512, 512)
    large = geometry_of(turned(astronaut_landmarks_xy, 0, 4), 2048, 2048)

    first, second = (Report.from_json(answer_to(probability, g).report_json).whole_face for g in (small, large))
    assert first.line_length_iod == pytest.approx(second.line_length_iod, rel=0.01)
    assert first.wrinkled_area_fraction == pytest.approx(second.wrinkled_area_fraction, rel=0.01)


def test_a_face_cut_by_the_photographs_edge_says_so_per_region(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    brow_y = float(astronaut_landmarks_xy[[105, 334], 1].mean())
    moved = astronaut_landmarks_xy - np.array([0, brow_y], np.float32)
    report = Report.from_json(answer_to(blobs(UNETPP), geometry_of(moved, 512, 512)).report_json)

    visible = {figures.name: figures.visible_fraction for figures in report.regions}
    assert visible["forehead"] < 0.1
    assert visible["chin"] > 0.95
    assert 0.5 < report.whole_face.visible_fraction < 0.95


def test_a_face_outside_the_photograph_gives_an_empty_mask_and_no_figures(
    astronaut_landmarks_xy: NDArray[np.float32],
) -> None:
    answer = answer_to(flat_probability(255), geometry_of(astronaut_landmarks_xy + np.float32(2000), 400, 300))

    report = Report.from_json(answer.report_json)
    assert not mask_of(answer).any()
    assert report.whole_face.visible_fraction == 0.0
    assert report.whole_face.line_length_iod is None


def test_a_photograph_with_a_very_long_side_is_answered(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    sixteenths = np.rint(astronaut_landmarks_xy * 16) / np.float32(16)  # exact in float32 up to 2**20
    near = geometry_of(sixteenths, 512, 600)
    far = geometry_of(sixteenths + np.array([30_000, 0], np.float32), 32_766, 600)

    mask = mask_of(answer_to(flat_probability(255), far))
    assert mask.shape == (600, 32_766)
    assert_array_equal(mask[:, 30_000:30_512], mask_of(answer_to(flat_probability(255), near)))


@pytest.mark.parametrize(
    ("probability", "network_input"),
    [
        (np.zeros((1, 256, 256), np.uint8), grey_input()),
        (np.zeros((512, 512), np.uint8), grey_input()),
        (np.zeros((2, 512, 512), np.uint8), grey_input()),
        (np.zeros((1, 512, 512), np.float32), grey_input()),
        (flat_probability(0), np.zeros((1, 4, 512, 512), np.uint8)),
        (flat_probability(0), np.zeros((1, 3, 1024, 1024), np.uint8)),
    ],
)
def test_tensors_of_another_segmenter_are_contract_errors(
    geometry: Geometry, probability: NDArray[np.uint8], network_input: NDArray[np.uint8]
) -> None:
    with pytest.raises(ContractError, match="must be uint8"):
        postprocess(probability, network_input, geometry, ThresholdOptions())


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_the_skin_mask_comes_only_when_asked_for_and_is_the_one_drawn_in_the_photograph(
    astronaut_landmarks_xy: NDArray[np.float32], spec: SegmenterContract
) -> None:
    geometry = geometry_of(astronaut_landmarks_xy, 640, 480, spec)
    options = ThresholdOptions(skin_mask=True)
    answer = postprocess(flat_probability(0, spec), grey_input(spec), geometry, options)

    image = Image.open(io.BytesIO(answer.skin_mask_png))
    assert (image.mode, image.size) == ("1", (640, 480))
    assert_array_equal(np.asarray(image), drawn_mask(geometry))
    assert answer_to(flat_probability(0, spec), geometry).skin_mask_png == b""


def test_a_stamped_geometry_gives_the_timings_of_all_steps(geometry: Geometry) -> None:
    stamped = replace(geometry, stamp=PreprocessStamp.since(time.monotonic() - 0.5))
    timings = Report.from_json(answer_to(flat_probability(9), stamped).report_json).step_timings
    assert timings.preprocess_ms == pytest.approx(500, abs=50)
    assert timings.segment_ms is not None
    assert timings.threshold_ms is not None
    assert Report.from_json(answer_to(flat_probability(9), geometry).report_json).step_timings.preprocess_ms is None


def test_geometry_that_cannot_be_answered_is_a_contract_error(geometry: Geometry) -> None:
    huge = replace(geometry, image_width_px=2**24, image_height_px=2**24)
    flat = replace(geometry, photo_to_aligned=np.zeros((2, 3)))
    collapsed = replace(geometry, landmarks_xy=np.full((468, 2), 9, np.float32))

    for wrong, reason in ((huge, "pixels"), (flat, "inverted"), (collapsed, "inter-ocular")):
        with pytest.raises(ContractError, match=reason):
            answer_to(flat_probability(9), wrong)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ThresholdOptions()),
        ({"threshold": 0.25}, ThresholdOptions(0.25)),
        ({"threshold": "0.25", "probability": "true"}, ThresholdOptions(0.25, True)),
        ({"skin_mask": "True"}, ThresholdOptions(skin_mask=True)),
        ({"threshold": 1, "probability": False}, ThresholdOptions(1.0)),
        ({"threshold": 0, "probability": "False"}, ThresholdOptions(0.0)),
        (
            {"sequence_id": 3, "sequence_start": True, "sequence_end": True, "priority": 1, "timeout": 5000},
            ThresholdOptions(),
        ),
        ({"headers": "x", "binary_data_output": True, "triton_enable_empty_final_response": True}, ThresholdOptions()),
    ],
)
def test_request_parameters_become_options(parameters: dict[str, object], expected: ThresholdOptions) -> None:
    assert ThresholdOptions.from_parameters(parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"threshhold": 0.5}, "'threshhold' is unknown"),
        ({"Triton_x": 1}, "unknown"),
        ({"k" * 5000: 1}, "unknown"),
        ({"threshold": -0.01}, "between 0 and 1"),
        ({"threshold": 1.01}, "between 0 and 1"),
        ({"threshold": math.nan}, "between 0 and 1"),
        ({"threshold": "inf"}, "between 0 and 1"),
        ({"threshold": 10**400}, "number"),
        ({"threshold": "half"}, "number, got 'half'"),
        ({"threshold": ""}, "number"),
        ({"threshold": True}, "number"),
        ({"threshold": None}, "number"),
        ({"threshold": [0.5]}, "number"),
        ({"probability": "yes"}, "true or false"),
        ({"probability": 1}, "true or false"),
        ({"probability": None}, "true or false"),
        ({"skin_mask": 1}, "skin_mask must be true or false"),
    ],
)
def test_wrong_request_parameters_are_refused_by_name(parameters: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidParameterError, match=reason) as caught:
        ThresholdOptions.from_parameters(parameters)
    assert len(str(caught.value)) < 200


def test_paper_1_never_marks_the_nose_and_paper_2_does(astronaut_landmarks_xy: NDArray[np.float32]) -> None:
    x, y = np.rint(astronaut_landmarks_xy[4]).astype(int)
    for spec in SEGMENTERS:
        answer = answer_to(flat_probability(255, spec), geometry_of(astronaut_landmarks_xy, 512, 512, spec))
        assert mask_of(answer)[y, x] == (spec.mask_rule is MaskRule.FACE)
