from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ContractError
from wrinkle_core.geometry import GEOMETRY_LENGTH, CaptureQuality, Geometry
from wrinkle_core.step_timings import PreprocessStamp

QUALITY = CaptureQuality(512.0, -3.5, 2.0, 0.5, 1.25, 0.5, 0.0, 0.125, 0.75, 2.0)


@pytest.fixture
def geometry() -> Geometry:
    rng = np.random.default_rng(0)
    return Geometry(
        segmenter=SEGMENTERS[0],
        image_width_px=7680,
        image_height_px=4320,
        photo_to_aligned=np.array([[0.5, 0.1, -3.0], [-0.1, 0.5, 8.0]]),
        quality=QUALITY,
        landmarks_xy=rng.uniform(0, 4000, (468, 2)).astype(np.float32),
    )


def test_geometry_reads_back_as_it_was_packed(geometry: Geometry) -> None:
    packed = geometry.pack()
    assert packed.shape == (GEOMETRY_LENGTH,)
    assert packed.dtype == np.float32
    copy = Geometry.unpack(packed)
    assert (copy.segmenter, copy.image_width_px, copy.image_height_px) == (SEGMENTERS[0], 7680, 4320)
    assert copy.quality == QUALITY
    assert_array_equal(copy.landmarks_xy, geometry.landmarks_xy)
    assert_allclose(copy.photo_to_aligned, geometry.photo_to_aligned, rtol=1e-6)


@pytest.mark.parametrize(
    ("index", "value", "message"),
    [
        (0, 99, "version 99"),
        (1, 77, "segmenter 77"),
        (2, 0, "0x4320"),
        (0, 1.5, "version 1.5"),
        (1, 1.5, "whole"),
        (3, 9.5, "whole"),
        (20, np.nan, "finite"),
        (GEOMETRY_LENGTH - 1, -1, "stamp"),
    ],
)
def test_a_geometry_of_another_contract_is_refused(geometry: Geometry, index: int, value: float, message: str) -> None:
    packed = geometry.pack()
    packed[index] = value
    with pytest.raises(ContractError, match=message):
        Geometry.unpack(packed)


def test_geometries_are_equal_when_they_tell_the_same_of_the_photograph(geometry: Geometry) -> None:
    again = Geometry.unpack(replace(geometry, stamp=PreprocessStamp(1.0, 5)).pack())
    moved = replace(geometry, landmarks_xy=geometry.landmarks_xy + 1)
    assert (again, hash(again)) == (geometry, hash(geometry))
    assert moved != geometry
    assert geometry != "geometry"


def test_the_stamp_of_the_preprocess_step_travels_along(geometry: Geometry) -> None:
    stamp = PreprocessStamp(12.5, 987_654_321_123)
    assert Geometry.unpack(replace(geometry, stamp=stamp).pack()).stamp == stamp
    assert Geometry.unpack(geometry.pack()).stamp is None


def test_a_geometry_of_another_length_is_refused(geometry: Geometry) -> None:
    with pytest.raises(ContractError, match="values"):
        Geometry.unpack(geometry.pack()[:-1])
