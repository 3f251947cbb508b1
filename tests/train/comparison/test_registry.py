from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from line_pictures import line_picture
from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.commands.evaluate import evaluate
from wrinkle_train.comparison.registry import SYSTEMS, ComparisonSystem, comparison_system
from wrinkle_train.comparison.serving import as_network
from wrinkle_train.comparison.tuning import best, tune
from wrinkle_train.render.faces import Library
from wrinkle_train.scores.validation_set import RenderedPhoto, validation_photos

DOCS = Path(__file__).resolve().parents[3] / "docs" / "comparison-systems.md"
EVERY = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)


@EVERY
def test_the_docs_say_what_the_registry_says(system: ComparisonSystem) -> None:
    text = " ".join(DOCS.read_text(encoding="utf-8").split())
    for words in (system.name, system.citation, system.known, system.assumed, system.threshold_meaning):
        assert words in text
    assert f"recorded {system.threshold:g}" in text


@EVERY
def test_the_recorded_threshold_is_one_that_tuning_tries(system: ComparisonSystem) -> None:
    assert system.threshold in system.threshold_choices
    assert list(system.threshold_choices) == sorted(set(system.threshold_choices))


def test_an_unknown_system_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidParameterError, match="hybrid-hessian"):
        comparison_system("hybrid")


@pytest.mark.parametrize("channels", [3, 4])
def test_a_system_answers_a_networks_input_with_0_and_255(channels: int) -> None:
    picture = line_picture(0)
    pixels = np.zeros((1, channels, 512, 512), np.uint8)
    pixels[0, :3] = (picture.rgb * picture.skin[..., None]).transpose(2, 0, 1)
    answer = as_network(SYSTEMS["gabor-batool"])(pixels)
    assert answer.shape == (1, 512, 512)
    assert np.unique(answer).tolist() == [0, 255]
    assert np.array_equal(answer[0] > 0, SYSTEMS["gabor-batool"].mark(picture.rgb, picture.skin).mask > 0)


def test_a_black_pixel_inside_the_skin_stays_skin() -> None:
    picture = line_picture(0)
    pixels = (picture.rgb * picture.skin[..., None]).transpose(2, 0, 1)[np.newaxis].copy()
    pixels[0, :, 256, 256] = 0
    answer = as_network(SYSTEMS["hybrid-hessian"])(pixels)
    assert answer[0, 246:266, 200:210].any()
    assert answer[0, 246:266, 250:262].any()


def test_tuning_tells_thresholds_apart_on_rendered_photographs(
    library: Library, face_landmarker: FaceLandmarker
) -> None:
    system = replace(SYSTEMS["texture-threshold"], threshold_choices=(13.0, 200.0))
    curve = tune(system, validation_photos(library, 1), face_landmarker)
    assert curve[13.0] > curve[200.0]
    assert best(curve) == 13.0


def test_of_equally_good_thresholds_the_higher_is_chosen() -> None:
    assert best({0.1: 0.4, 0.3: 0.4, 0.5: 0.2}) == 0.3


def test_tuning_without_a_face_is_refused(face_landmarker: FaceLandmarker, grey_jpeg: bytes) -> None:
    photo = RenderedPhoto("none", grey_jpeg, np.zeros((300, 300), np.uint8))
    with pytest.raises(ContractError, match="No validation photograph"):
        tune(replace(SYSTEMS["texture-threshold"], threshold_choices=(13.0,)), [photo], face_landmarker)


def test_evaluating_one_system_by_name_writes_its_figures_and_its_own_threshold(
    tmp_path: Path, astronaut_rgb: NDArray[np.uint8]
) -> None:
    folder = tmp_path / "eval"
    folder.mkdir()
    for name in ("001_00001.jpg", "001_base.jpg"):
        cv2.imwrite(str(folder / name), astronaut_rgb[..., ::-1])
    cv2.imwrite(str(folder / "001_00001_gt.png"), np.zeros(astronaut_rgb.shape[:2], np.uint8))
    evaluate("texture-threshold", data=tmp_path, threshold=200.0, out=tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures) == {"texture-threshold"}
    assert figures["texture-threshold"]["threshold"] == 200.0
    assert figures["texture-threshold"]["f1"] == 1.0


def test_what_is_neither_a_file_nor_a_system_is_refused_with_the_names(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    with pytest.raises(InvalidParameterError, match="multiscale-yap"):
        evaluate("hybrid", data=tmp_path)


def test_one_threshold_for_all_systems_is_refused(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    with pytest.raises(InvalidParameterError, match="threshold of its own"):
        evaluate("filters", data=tmp_path, threshold=0.5)
