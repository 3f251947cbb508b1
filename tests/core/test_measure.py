from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from wrinkle_core.centre_lines import trace_lines
from wrinkle_core.errors import ContractError
from wrinkle_core.measure import DEEP_CONTRAST, DEEP_WIDTH_IOD, Measurement, measure
from wrinkle_core.regions import REGIONS
from wrinkle_core.report import RegionFigures

SIDE_PX = 512
INTEROCULAR_PX = 128.0
SKIN_LEVEL = 160
FOREHEAD = next(number for number, region in enumerate(REGIONS, start=1) if region.name == "forehead")
CHIN = next(number for number, region in enumerate(REGIONS, start=1) if region.name == "chin")


def line_of(angle_deg: float, length_px: float, width_px: float, side_px: int = SIDE_PX) -> NDArray[np.uint8]:
    """Return a straight line through the middle: all pixels within half a width of a segment of ``length_px``."""
    y, x = np.mgrid[0:side_px, 0:side_px] - (side_px - 1) / 2
    cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    along, across = x * cos + y * sin, y * cos - x * sin
    beyond = np.maximum(np.abs(along) - length_px / 2, 0)
    inside: NDArray[np.bool_] = np.hypot(beyond, across - 1e-9) < width_px / 2
    return inside.astype(np.uint8)


def dots(*points: tuple[int, int]) -> NDArray[np.uint8]:
    mask = np.zeros((32, 32), np.uint8)
    for y, x in points:
        mask[y, x] = 1
    return mask


@dataclass(frozen=True)
class Face:
    """A flat face of one region above and one below the middle row, nothing marked."""

    probability: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    skin: NDArray[np.uint8]
    seen: NDArray[np.uint8]
    face_rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    interocular_px: float = INTEROCULAR_PX

    def measured(self) -> Measurement:
        return measure(
            self.probability, self.mask, self.skin, self.seen, self.face_rgb, self.labels, self.interocular_px
        )

    def with_line(self, mask: NDArray[np.uint8], darker: float = 0.0) -> Face:
        level = round(SKIN_LEVEL * (1 - darker))
        face_rgb = np.where(mask == 1, np.uint8(level), self.face_rgb) * self.skin
        return replace(self, mask=mask & self.seen, probability=mask * np.uint8(204), face_rgb=face_rgb)


def flat_face(side_px: int = SIDE_PX) -> Face:
    skin = np.zeros((side_px, side_px), np.uint8)
    cv2.circle(skin, (side_px // 2, side_px // 2), side_px * 2 // 5, (1,), -1)
    labels = np.zeros_like(skin)
    labels[: side_px // 2] = FOREHEAD
    labels[side_px // 2 :] = CHIN
    return Face(
        probability=np.zeros_like(skin),
        mask=np.zeros_like(skin),
        skin=skin,
        seen=skin,
        face_rgb=np.stack([skin * np.uint8(SKIN_LEVEL)] * 3),
        labels=labels * skin,
        interocular_px=side_px / 4,
    )


def region(measurement: Measurement, number: int) -> RegionFigures:
    return measurement.regions[number - 1]


def figure(value: float | None) -> float:
    assert value is not None
    return value


@given(angle_deg=st.floats(0, 180), length_px=st.floats(60, 250), width_px=st.floats(2, 9))
@settings(max_examples=60, deadline=None)
def test_a_line_of_known_length_and_width_measures_right_at_any_angle(
    angle_deg: float, length_px: float, width_px: float
) -> None:
    drawn = line_of(angle_deg, length_px, width_px)
    lines = trace_lines(drawn)

    assert lines.count == 1
    # thinning may shorten the ends by some of the width; the sqrt(2) steps add up to 8 %
    assert length_px - 1.5 * width_px - 2 <= lines.length_px.sum() <= 1.083 * length_px + 4
    # whole pixel rows: an upright line of 3.1 px is drawn 4 rows wide, so the width is that of what was drawn
    drawn_px = (np.sqrt(length_px**2 + np.pi * float(drawn.sum())) - length_px) * 2 / np.pi
    assert lines.width_px[0] == pytest.approx(drawn_px, abs=0.5 + 0.1 * drawn_px)


def test_straight_steps_count_one_and_diagonal_steps_the_root_of_two() -> None:
    assert trace_lines(dots(*((5, x) for x in range(3, 24)))).length_px.sum() == pytest.approx(20)
    assert trace_lines(dots(*((x, 5) for x in range(3, 24)))).length_px.sum() == pytest.approx(20)
    assert trace_lines(dots(*((x, x) for x in range(3, 24)))).length_px.sum() == pytest.approx(20 * np.sqrt(2))


def test_a_dot_counts_one_pixel_and_so_does_each_of_two() -> None:
    lines = trace_lines(dots((4, 4), (20, 20)))

    assert lines.count == 2
    assert lines.length_px.tolist() == [1.0, 1.0]


def test_an_empty_mask_has_no_lines() -> None:
    lines = trace_lines(np.zeros((32, 32), np.uint8))

    assert (lines.count, lines.y.size, lines.length_px.size) == (0, 0, 0)


def test_lines_that_touch_at_a_corner_are_one_line() -> None:
    assert trace_lines(dots((4, 4), (5, 5))).count == 1


@pytest.mark.parametrize(("x", "y"), [(0, 0), (16, 0), (0, 25), (21, 31)])
def test_a_line_at_the_frames_edge_is_as_long_as_one_inside(x: int, y: int) -> None:
    assert trace_lines(dots(*((y, x + step) for step in range(11)))).length_px.sum() == pytest.approx(10)


def test_a_face_without_wrinkles_has_zeros_and_not_nothing() -> None:
    figures = flat_face().measured().whole_face

    assert figures == RegionFigures("whole_face", 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_a_region_that_is_not_seen_has_no_figures() -> None:
    face = flat_face()
    upper_only = face.seen.copy()
    upper_only[SIDE_PX // 2 :] = 0
    measurement = replace(face, seen=upper_only).measured()

    assert region(measurement, CHIN) == RegionFigures("chin", 0.0, None, None, None, None, None)
    assert region(measurement, FOREHEAD).visible_fraction == 1.0
    assert 0.45 < measurement.whole_face.visible_fraction < 0.55


def test_area_and_mean_probability_are_shares_of_the_visible_pixels() -> None:
    line = line_of(0, 200, 5)
    figures = flat_face().with_line(line).measured().whole_face

    share = line.sum() / flat_face().skin.sum()
    assert figures.wrinkled_area_fraction == pytest.approx(share, abs=1e-5)
    assert figures.mean_probability == pytest.approx(0.8 * share, abs=1e-5)


def test_length_is_a_fraction_of_the_interocular_distance() -> None:
    figures = flat_face().with_line(line_of(0, 256, 3)).measured().whole_face

    assert figures.line_length_iod == pytest.approx(2.0, rel=0.03)


def test_a_line_across_a_border_is_divided_between_the_regions() -> None:
    measurement = flat_face().with_line(line_of(90, 256, 3)).measured()

    assert region(measurement, FOREHEAD).line_length_iod == pytest.approx(1.0, rel=0.03)
    assert region(measurement, CHIN).line_length_iod == pytest.approx(1.0, rel=0.03)


def test_a_moved_mask_gives_other_figures() -> None:
    line = line_of(0, 256, 3)
    line = np.roll(line, -10, axis=0)
    before = flat_face().with_line(line).measured()
    after = flat_face().with_line(np.roll(line, 30, axis=0)).measured()

    assert figure(region(before, FOREHEAD).line_length_iod) > 1.9
    assert region(after, FOREHEAD).line_length_iod == 0.0
    assert figure(region(after, CHIN).line_length_iod) > 1.9


@pytest.mark.parametrize("angle_deg", [0, 30, 90, 135])
def test_figures_do_not_depend_on_the_frames_size(angle_deg: float) -> None:
    small = flat_face(512).with_line(line_of(angle_deg, 200, 3), darker=0.05).measured().whole_face
    large = flat_face(1024).with_line(line_of(angle_deg, 400, 6, 1024), darker=0.05).measured().whole_face

    assert figure(small.line_length_iod) == pytest.approx(figure(large.line_length_iod), rel=0.05)
    # a thin bar cut into pixels covers more or less than its area
    assert figure(small.wrinkled_area_fraction) == pytest.approx(figure(large.wrinkled_area_fraction), rel=0.15)
    assert figure(small.fine_line_length_iod) == pytest.approx(figure(large.fine_line_length_iod), rel=0.05)


@pytest.mark.parametrize("width_px", [2, 3])
def test_a_dark_line_is_deep_and_a_faint_one_fine(width_px: float) -> None:
    line = line_of(20, 200, width_px)
    dark = flat_face().with_line(line, darker=2 * DEEP_CONTRAST).measured().whole_face
    faint = flat_face().with_line(line, darker=DEEP_CONTRAST / 2).measured().whole_face

    assert (dark.deep_line_length_iod, dark.fine_line_length_iod) == (dark.line_length_iod, 0.0)
    assert (faint.deep_line_length_iod, faint.fine_line_length_iod) == (0.0, faint.line_length_iod)


def test_a_wide_line_is_deep_however_faint() -> None:
    wide = flat_face().with_line(line_of(0, 200, 1.5 * DEEP_WIDTH_IOD * INTEROCULAR_PX), darker=0.01).measured()

    assert wide.whole_face.deep_line_length_iod == wide.whole_face.line_length_iod


def test_the_black_around_the_face_does_not_make_a_line_look_bright_or_dark() -> None:
    face = flat_face()
    rows = np.nonzero(face.skin.any(axis=1))[0]
    at_the_edge = np.zeros_like(face.skin)
    at_the_edge[rows[0] + 2 : rows[0] + 4] = 1
    faint = face.with_line(at_the_edge & face.skin, darker=0.05).measured().whole_face
    dark = face.with_line(at_the_edge & face.skin, darker=0.4).measured().whole_face

    assert faint.deep_line_length_iod == 0.0
    assert dark.fine_line_length_iod == 0.0


def test_deep_and_fine_add_up_over_all_regions() -> None:
    rng = np.random.default_rng(5)
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    for x0, y0, x1, y1 in rng.integers(120, 390, (20, 4)).tolist():
        cv2.line(mask, (x0, y0), (x1, y1), (1,), int(rng.integers(1, 5)))
    measurement = flat_face().with_line(mask, darker=0.15).measured()

    whole = measurement.whole_face
    deep, fine = figure(whole.deep_line_length_iod), figure(whole.fine_line_length_iod)
    assert deep + fine == pytest.approx(figure(whole.line_length_iod), abs=1e-4)
    assert sum(r.line_length_iod or 0.0 for r in measurement.regions) == pytest.approx(whole.line_length_iod, abs=1e-3)


def test_arrays_of_different_sizes_and_a_zero_distance_are_contract_errors() -> None:
    face = flat_face()

    with pytest.raises(ContractError, match="one height and width"):
        replace(face, labels=face.labels[:-1]).measured()
    with pytest.raises(ContractError, match="above 0"):
        replace(face, interocular_px=0.0).measured()
