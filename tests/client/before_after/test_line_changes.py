"""Kept, new and gone lines on drawn masks of one frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_client.before_after.alignment import FRAME_PX, AlignedFace, AlignedPair
from wrinkle_client.before_after.line_changes import TOLERANCE_IOD, find_line_changes
from wrinkle_client.before_after.pictures import GONE_RGB, KEPT_RGB, NEW_RGB, draw_change, draw_side_by_side

INTEROCULAR_PX = 250.0
KEPT, NEW, GONE = ((200, 300), (500, 300)), ((200, 500), (450, 500)), ((600, 400), (600, 600))


def mask(*lines: tuple[tuple[int, int], tuple[int, int]], shift_px: int = 0) -> NDArray[np.uint8]:
    drawn = np.zeros((FRAME_PX, FRAME_PX), np.uint8)
    for (x0, y0), (x1, y1) in lines:
        cv2.line(drawn, (x0, y0 + shift_px), (x1, y1 + shift_px), (1,), 5)
    return drawn


def face(marked: NDArray[np.uint8], seen: NDArray[np.uint8] | None = None) -> AlignedFace:
    everywhere = np.ones((FRAME_PX, FRAME_PX), np.uint8)
    return AlignedFace(np.full((FRAME_PX, FRAME_PX, 3), 150, np.uint8), marked, everywhere if seen is None else seen)


def pair(before: AlignedFace, after: AlignedFace) -> AlignedPair:
    return AlignedPair(before, after, INTEROCULAR_PX, 0.01)


@pytest.mark.parametrize("shift_px", [0, 6])
def test_each_line_is_kept_new_or_gone(shift_px: int) -> None:
    assert shift_px < TOLERANCE_IOD * INTEROCULAR_PX
    changes = find_line_changes(pair(face(mask(KEPT, GONE)), face(mask(KEPT, NEW, shift_px=shift_px))))
    assert np.array_equal(changes.kept, mask(KEPT, shift_px=shift_px))
    assert np.array_equal(changes.new, mask(NEW, shift_px=shift_px))
    assert np.array_equal(changes.gone, mask(GONE))
    assert changes.kept_iod == pytest.approx(300 / INTEROCULAR_PX, rel=0.05)
    assert changes.new_iod == pytest.approx(250 / INTEROCULAR_PX, rel=0.05)
    assert changes.gone_iod == pytest.approx(200 / INTEROCULAR_PX, rel=0.05)


def test_a_line_that_moved_far_is_gone_and_new() -> None:
    changes = find_line_changes(pair(face(mask(KEPT)), face(mask(KEPT, shift_px=40))))
    assert changes.kept_iod == 0
    assert changes.new_iod == changes.gone_iod > 1


def test_a_line_that_grew_is_new_where_it_grew() -> None:
    changes = find_line_changes(pair(face(mask(((200, 300), (400, 300)))), face(mask(KEPT))))
    assert changes.kept_iod == pytest.approx(209 / INTEROCULAR_PX, abs=0.05)
    assert changes.new_iod == pytest.approx(91 / INTEROCULAR_PX, abs=0.05)
    assert changes.gone_iod == 0


def test_frayed_ends_and_skin_that_one_photograph_does_not_show_count_for_nothing() -> None:
    hidden = np.ones((FRAME_PX, FRAME_PX), np.uint8)
    hidden[480:520] = 0
    longer = ((200, 300), (515, 300))
    changes = find_line_changes(pair(face(mask(KEPT)), face(mask(longer, NEW))))
    assert changes.new_iod == pytest.approx(1, abs=0.1)
    assert find_line_changes(pair(face(mask(KEPT), hidden), face(mask(longer, NEW)))).new_iod == 0


def test_faces_without_lines_have_no_change() -> None:
    changes = find_line_changes(pair(face(mask()), face(mask())))
    assert (changes.kept_iod, changes.new_iod, changes.gone_iod) == (0, 0, 0)


@pytest.mark.parametrize("end", [(200, 100), (100, 200), (200, 200), (200, 0)])
def test_gone_lines_are_dashed_in_whatever_direction(end: tuple[int, int]) -> None:
    gone = mask(((100, 100), end))
    changes = find_line_changes(pair(face(gone), face(mask())))
    aligned = pair(face(gone), face(mask()))
    shown = np.abs(draw_change(aligned, changes)[:FRAME_PX].astype(int) - GONE_RGB).max(axis=2) < 50
    pieces = cv2.connectedComponents(shown.astype(np.uint8), connectivity=8)[0] - 1
    assert pieces >= 4
    assert 0.3 < shown[gone == 1].mean() < 0.75


def test_the_picture_tells_the_three_kinds_apart_with_and_without_colour() -> None:
    aligned = pair(face(mask(KEPT, GONE)), face(mask(KEPT, NEW)))
    picture = draw_change(aligned, find_line_changes(aligned)).astype(int)
    for (x, y), colour_rgb in (((350, 300), KEPT_RGB), ((325, 500), NEW_RGB)):
        assert np.abs(picture[y, x] - colour_rgb).max() < 50
    along_gone = picture[410:590, 600]
    coloured = np.abs(along_gone - GONE_RGB).max(axis=1) < 50
    assert 0.3 < coloured.mean() < 0.7  # dashed
    assert np.ptp(picture[700, 700]) == 0  # grey elsewhere
    assert draw_side_by_side(aligned).shape[1] > 2 * FRAME_PX
