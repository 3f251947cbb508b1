import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, transform_points, warp_to_aligned
from wrinkle_core.contract import SEGMENTERS, SegmenterContract
from wrinkle_core.errors import NoFaceError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import network_input, prepare
from wrinkle_core.texture import texture_map


@pytest.fixture(params=SEGMENTERS, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> SegmenterContract:
    chosen: SegmenterContract = request.param
    return chosen


def test_a_photograph_becomes_the_tensor_of_the_contract(
    spec: SegmenterContract, face_landmarker: FaceLandmarker, astronaut_rgb: NDArray[np.uint8]
) -> None:
    prepared = prepare(astronaut_rgb, spec, face_landmarker)
    assert prepared.network_input.shape == (1, len(spec.channels), spec.input_px, spec.input_px)
    assert prepared.network_input.dtype == np.uint8
    assert (prepared.geometry.image_width_px, prepared.geometry.image_height_px) == (512, 512)
    assert prepared.geometry.segmenter is spec


def test_everything_outside_the_mask_is_zero_and_inside_is_the_aligned_photograph(
    spec: SegmenterContract, face_landmarker: FaceLandmarker, astronaut_rgb: NDArray[np.uint8]
) -> None:
    planes = prepare(astronaut_rgb, spec, face_landmarker).network_input[0]
    landmarks_xy = face_landmarker.find(astronaut_rgb).landmarks_xyz[:, :2]
    matrix = ffhq_alignment(landmarks_xy, spec.input_px)
    mask = face_mask(transform_points(landmarks_xy, matrix), spec.input_px, spec.input_px, spec.mask_rule)
    aligned = warp_to_aligned(astronaut_rgb, matrix, spec.input_px)
    assert_array_equal(planes[:3], (aligned * mask[..., None]).transpose(2, 0, 1))


def test_the_texture_channel_is_the_texture_of_the_unmasked_face(astronaut_rgb: NDArray[np.uint8]) -> None:
    texture_spec = SEGMENTERS[1]
    mask: NDArray[np.uint8] = np.zeros((512, 512), np.uint8)
    mask[3:300, 100:512] = 1  # nearer to the edges than the kernel reaches
    mask[150:180, 200:260] = 0
    planes = network_input(astronaut_rgb, mask, texture_spec)
    assert_array_equal(planes[3], texture_map(astronaut_rgb) * mask)


def test_an_empty_mask_gives_an_empty_input(astronaut_rgb: NDArray[np.uint8]) -> None:
    for spec in SEGMENTERS:
        assert network_input(astronaut_rgb, np.zeros((512, 512), np.uint8), spec).max() == 0


def test_a_photograph_without_a_face_is_refused(spec: SegmenterContract, face_landmarker: FaceLandmarker) -> None:
    with pytest.raises(NoFaceError):
        prepare(np.full((300, 400, 3), 128, np.uint8), spec, face_landmarker)
