from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.alignment import ffhq_alignment, inter_ocular_px
from wrinkle_core.contract import MaskRule
from wrinkle_core.errors import ContractError
from wrinkle_core.face_mask import LEFT_EYE, RIGHT_EYE, face_mask
from wrinkle_train.recipe import RenderRecipe
from wrinkle_train.render.anatomy import anatomical_lines
from wrinkle_train.render.distractors import add_distractors
from wrinkle_train.render.faces import Library, read_library
from wrinkle_train.render.lines import FRAME_PX, trace_lines
from wrinkle_train.render.occluders import add_occluder
from wrinkle_train.render.relief import Light, PlacedLine, draw_relief
from wrinkle_train.render.scene import Canvas, Scene, render_scene
from wrinkle_train.render.spectacles import add_spectacles

PLAIN = RenderRecipe(plain_share=0.0, procedural_share=0.0, distractor_share=0.0)
SIDE_PX = 512


def _render(library: Library, recipe: RenderRecipe, seed: int = 3) -> Scene:
    face = library.faces[0]
    canvas = Canvas(ffhq_alignment(face.landmarks_xy, SIDE_PX), SIDE_PX, SIDE_PX, SIDE_PX / FRAME_PX)
    return render_scene(library, face, canvas, recipe, np.random.default_rng(seed))


def test_a_drawn_stroke_becomes_one_line_along_it(drawn_mask: NDArray[np.uint8]) -> None:
    lines = trace_lines(drawn_mask)
    assert len(lines) == 4
    distance = cv2.distanceTransform((drawn_mask == 0).astype(np.uint8), cv2.DIST_L2, 3)
    for line in lines:
        columns, rows = np.rint(line.points_xy).astype(int).T
        assert distance[rows, columns].max() == 0


def test_crop_limits_shift_the_lines(drawn_mask: NDArray[np.uint8]) -> None:
    whole, part = trace_lines(drawn_mask), trace_lines(drawn_mask[300:, 300:], (300, 300))
    np.testing.assert_allclose(whole[0].points_xy, part[0].points_xy)


def test_the_template_maps_its_own_landmarks_onto_the_face(library: Library) -> None:
    face = library.faces[0]
    inner = library.template.points_xy.astype(np.float32)
    placed = library.template.place(inner, face.landmarks_xy, face.visible)
    found = np.isfinite(placed).all(axis=1)
    assert found.mean() > 0.8
    assert np.abs(placed[found] - face.landmarks_xy[found]).max() < 0.05


def test_points_outside_the_mesh_are_dropped(library: Library) -> None:
    face = library.faces[0]
    placed = library.template.place(np.array([[5.0, 5.0]], np.float32), face.landmarks_xy, face.visible)
    assert np.isnan(placed).all()


def test_a_mirrored_face_has_no_visible_triangle(library: Library) -> None:
    mirrored = library.faces[0].landmarks_xy * np.array([-1, 1], np.float32)
    assert library.template.visible_triangles(mirrored).mean() < 0.05


def test_the_same_seed_renders_the_same_picture(library: Library) -> None:
    first, second = _render(library, RenderRecipe()), _render(library, RenderRecipe())
    np.testing.assert_array_equal(first.image_rgb, second.image_rgb)
    np.testing.assert_array_equal(first.wrinkle, second.wrinkle)


def test_rendered_lines_stay_on_skin(library: Library) -> None:
    for seed in range(4):
        scene = _render(library, PLAIN, seed)
        skin = face_mask(scene.landmarks_xy, SIDE_PX, SIDE_PX, MaskRule.FACE)
        assert not scene.wrinkle[cv2.dilate(skin, np.ones((5, 5), np.uint8)) == 0].any()


def test_a_plain_face_has_no_label(library: Library) -> None:
    scene = _render(library, RenderRecipe(plain_share=1.0))
    assert not scene.wrinkle.any()
    assert not scene.ignored.any()


def test_wrinkle_pixels_are_darker_than_their_surroundings() -> None:
    line = PlacedLine(np.array([[10, 40], [70, 40]], np.float32), np.full(2, 0.3, np.float32), 0)
    light = Light(angle_rad=0.0, valley=1.0, slope=0.0, raking=0.0, lip=0.3, fold=0.0, redness=0.2)
    relief = draw_relief([line], (1.2,), 3.0, (80, 80), light, np.ones((80, 80), np.float32))
    assert relief.shading[relief.wrinkle > 0].max() < 0
    assert relief.shading[35, 40] > 0  # the lip
    assert 2 <= relief.wrinkle[:, 40].sum() <= 4  # the label is 3 px wide


def test_the_label_is_as_wide_on_a_broad_fold_as_on_a_fine_line() -> None:
    light = Light(angle_rad=0.0, valley=1.0, slope=0.0, raking=0.0, lip=0.0, fold=0.0, redness=0.0)
    line = PlacedLine(np.array([[10, 40], [70, 40]], np.float32), np.full(2, 0.3, np.float32), 0)
    fine, broad = (draw_relief([line], (s,), 3.0, (80, 80), light, np.ones((80, 80), np.float32)) for s in (0.7, 3.0))
    np.testing.assert_array_equal(fine.wrinkle, broad.wrinkle)
    assert np.count_nonzero(broad.shading < -0.02) > 2 * np.count_nonzero(fine.shading < -0.02)


def test_raking_light_darkens_one_wall_and_brightens_the_other() -> None:
    light = Light(angle_rad=np.pi / 2, valley=0.0, slope=0.0, raking=1.0, lip=0.0, fold=0.0, redness=0.0)
    line = PlacedLine(np.array([[10, 40], [70, 40]], np.float32), np.full(2, 0.3, np.float32), 0)
    shading = draw_relief([line], (1.5,), 3.0, (80, 80), light, np.ones((80, 80), np.float32)).shading
    above, middle, below = shading[38, 40], shading[40, 40], shading[42, 40]
    assert above > 0.1
    assert below < -0.1
    assert abs(middle) < 0.01


def test_a_line_too_faint_to_see_is_ignored_and_not_labelled() -> None:
    line = PlacedLine(np.array([[10, 40], [70, 40]], np.float32), np.full(2, 0.03, np.float32), 0)
    light = Light(angle_rad=0.0, valley=1.0, slope=0.0, raking=0.0, lip=0.0, fold=0.0, redness=0.0)
    relief = draw_relief([line], (1.2,), 3.0, (80, 80), light, np.ones((80, 80), np.float32))
    assert not relief.wrinkle.any()
    assert relief.ignored.any()


def test_anatomical_lines_lie_in_the_face(library: Library) -> None:
    for seed in range(5):
        for line in anatomical_lines(library.template.points_xy, np.random.default_rng(seed)):
            assert line.points_xy.min() > 0
            assert line.points_xy.max() < FRAME_PX


def test_distractors_change_the_picture_and_keep_its_size(library: Library) -> None:
    face = library.faces[0]
    before = face.rgb.astype(np.float32)
    changed = 0
    for seed in range(8):
        after, covered = add_distractors(before, face.landmarks_xy, np.random.default_rng(seed), share=1.0)
        assert after.shape == before.shape
        assert 0 <= covered.min() <= covered.max() <= 1
        changed += int(np.abs(after - before).max() > 20)
    assert changed >= 5


def test_an_occluder_hides_part_of_the_face_and_leaves_the_rest(library: Library) -> None:
    face = library.faces[0]
    before = face.rgb.astype(np.float32)
    eye_px = inter_ocular_px(face.landmarks_xy)
    for seed in range(8):
        after, opacity = add_occluder(before, face.landmarks_xy, eye_px, np.random.default_rng(seed))
        assert 0 <= opacity.min() <= opacity.max() <= 1
        assert (opacity > 0.99).any()
        clear = cv2.dilate(opacity, np.ones((3, 3))) == 0
        assert (after[clear] <= before[clear]).all()  # there only its shadow falls
    assert 0 <= after.min() <= after.max() <= 255


def test_spectacles_sit_around_both_eyes(library: Library) -> None:
    face = library.faces[0]
    eye_px = inter_ocular_px(face.landmarks_xy)
    for seed in range(8):
        _, frame = add_spectacles(face.rgb.astype(np.float32), face.landmarks_xy, eye_px, np.random.default_rng(seed))
        for eye in (LEFT_EYE, RIGHT_EYE):
            x, y = face.landmarks_xy[list(eye)].mean(axis=0)
            reach = round(0.75 * eye_px)
            assert frame[max(round(y) - reach, 0) : round(y) + reach, round(x) - reach : round(x) + reach].max() > 0.3


def test_burnt_out_skin_has_no_label(library: Library) -> None:
    face = library.faces[0]
    blank = np.full_like(face.rgb, 255)
    white = replace(library, faces=(replace(face, rgb=blank, smooth_rgb=blank),))
    scenes = [_render(white, PLAIN, seed) for seed in range(16)]
    burnt = [scene for scene in scenes if (scene.image_rgb.min(axis=2) == 255).mean() > 0.2]
    assert burnt
    for scene in burnt:
        assert not scene.wrinkle[cv2.erode(scene.image_rgb, np.ones((5, 5), np.uint8)).min(axis=2) == 255].any()


def test_no_wrinkle_is_labelled_where_skin_colour_is_absent(library: Library) -> None:
    face = library.faces[0]
    bare = replace(library, faces=(replace(face, skin=np.zeros_like(face.skin)),))
    assert not _render(bare, PLAIN).wrinkle.any()


def test_a_folder_without_tables_is_named(tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    with pytest.raises(ContractError, match=r"faces\.csv"):
        read_library(tmp_path, "train")
