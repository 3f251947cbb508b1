from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wrinkle_client import Client, ContractError, InvalidParameterError, Report, SegmentationResult
from wrinkle_client.testing import make_result


@pytest.fixture
def result(http_server: Any, photo: bytes) -> SegmentationResult:
    with Client(http_server.url) as client:
        return client.segment(photo, probability=True)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_nothing_in_a_result_can_be_changed(result: SegmentationResult) -> None:
    assert result.probability is not None
    with pytest.raises(ValueError, match="read-only"):
        result.mask[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        result.probability[0, 0] = 1
    with pytest.raises(AttributeError):
        result.model = "other"  # type: ignore[misc]


def test_repr_is_one_short_line_without_the_photograph(result: SegmentationResult) -> None:
    assert repr(result).startswith("SegmentationResult(model='unetpp', 40x30 px, 2 regions, 1 warnings")
    assert len(repr(result)) < 160


def test_a_pickle_keeps_everything_but_the_face(result: SegmentationResult, photo: bytes) -> None:
    data = pickle.dumps(result)
    copy = pickle.loads(data)
    assert photo[:100] not in data
    assert copy.photo is None
    assert result.probability is not None
    np.testing.assert_array_equal(copy.mask, result.mask)
    np.testing.assert_array_equal(copy.probability, result.probability)
    assert (copy.report, copy.timings, copy.request_id) == (result.report, result.timings, result.request_id)
    assert not copy.mask.flags.writeable
    with pytest.raises(InvalidParameterError, match="photo="):
        copy.overlay()
    np.testing.assert_array_equal(copy.overlay(photo), result.overlay())


def test_an_overlay_changes_pixels_around_the_mask_only(result: SegmentationResult, photo: bytes) -> None:
    plain = np.asarray(Image.open(io.BytesIO(photo)))
    changed = (result.overlay() != plain).any(axis=2)
    assert changed[result.mask == 1].all()
    assert not changed[20:].any()


@pytest.mark.parametrize(("size", "stacked"), [((60, 40), False), ((40, 60), False), ((90, 40), True)])
def test_side_by_side_shows_the_photograph_and_the_lines(size: tuple[int, int], stacked: bool) -> None:
    result = make_result(Image.effect_noise(size, 90))
    both, lines = result.overlay(style="side-by-side"), result.overlay()
    photo = np.asarray(Image.open(io.BytesIO(result.photo or b"")).convert("RGB"))
    height, width, _ = photo.shape
    np.testing.assert_array_equal(both[:height, :width], photo)
    np.testing.assert_array_equal(both[-height:, -width:], lines)
    assert (both.shape[0] > 2 * height) == stacked
    assert (both.shape[1] > 2 * width) != stacked


def test_a_heat_overlay_needs_the_probability(http_server: Any, photo: bytes) -> None:
    with Client(http_server.url) as client:
        result = client.segment(photo)
    with pytest.raises(InvalidParameterError, match="probability=True"):
        result.overlay(style="heat")


def test_an_unknown_style_is_refused(result: SegmentationResult) -> None:
    with pytest.raises(InvalidParameterError, match="contour, heat, side-by-side"):
        result.overlay(style="sepia")  # type: ignore[arg-type]


def test_the_overlay_lies_on_the_upright_photograph(result: SegmentationResult) -> None:
    upright = np.zeros((30, 40, 3), np.uint8)
    upright[:, :20] = 200
    stored = Image.fromarray(np.rot90(upright).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # stored 90 degrees counter-clockwise of upright
    drawn = result.overlay(encoded(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(drawn[25:], upright[25:])


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "I;16", "F"])
def test_photographs_of_every_usual_kind_of_pixel_can_be_drawn_over(result: SegmentationResult, mode: str) -> None:
    grey = Image.fromarray(np.full((30, 40), 120, np.uint8))
    scaled: dict[str, Any] = {
        "I;16": np.full((30, 40), 120 << 8, np.uint16),
        "F": np.full((30, 40), 120 / 255, np.float32),
    }
    image = Image.fromarray(scaled[mode]) if mode in scaled else grey.convert(mode)
    kind = "TIFF" if mode in ("CMYK", "F") else "PNG"
    drawn = result.overlay(encoded(image, kind), style="heat")
    assert drawn.shape == (30, 40, 3)
    assert abs(int(drawn[0, 0, 0]) - 120) <= 1


def test_a_photograph_of_another_size_is_refused(result: SegmentationResult) -> None:
    with pytest.raises(InvalidParameterError, match=r"41x30 px, the mask 40x30"):
        result.overlay(encoded(Image.new("RGB", (41, 30)), "PNG"))


def test_save_writes_pictures_and_figures_that_read_back(result: SegmentationResult, tmp_path: Path) -> None:
    saved = result.save(tmp_path / "new" / "folder", "face")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "face-mask.png",
        "face-overlay.png",
        "face-probability.png",
        "face.json",
    ]
    with Image.open(saved.mask) as mask:
        assert mask.mode == "1"
        np.testing.assert_array_equal(np.asarray(mask), result.mask)
    with Image.open(str(saved.overlay)) as overlay:
        np.testing.assert_array_equal(np.asarray(overlay), result.overlay())
    document = json.loads(Path(saved.document).read_text(encoding="utf-8"))
    assert document["model"] == "unetpp"
    assert Report.from_json(json.dumps(document["report"]).encode()) == result.report


def test_save_without_a_probability_writes_none(http_server: Any, photo: bytes, tmp_path: Path) -> None:
    with Client(http_server.url) as client:
        saved = client.segment(photo).save(tmp_path, "face")
    assert saved.probability is None
    assert not (tmp_path / "face-probability.png").exists()


@pytest.mark.parametrize("stem", ["", ".", "..", "a/b", "/etc/face", "x\0y"])
def test_save_stays_in_its_folder(result: SegmentationResult, tmp_path: Path, stem: str) -> None:
    with pytest.raises(InvalidParameterError):
        result.save(tmp_path, stem)
    assert list(tmp_path.iterdir()) == []


def test_a_mask_of_another_size_than_the_report_is_refused(result: SegmentationResult) -> None:
    with pytest.raises(ContractError, match="mask"):
        SegmentationResult(np.zeros((3, 4), np.uint8), None, result.report, "unetpp", "1", "id", result.timings)


def test_save_writes_no_overlay_when_told_so_and_a_skin_mask_when_there_is_one(tmp_path: Path) -> None:
    result = make_result(skin_mask=True)
    saved = result.save(tmp_path, "face", style=None)
    assert saved.overlay is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face-mask.png", "face-skin-mask.png", "face.json"]
    assert result.skin_mask is not None
    np.testing.assert_array_equal(np.asarray(Image.open(str(saved.skin_mask))), result.skin_mask)


def test_the_mask_as_png_reads_back(result: SegmentationResult) -> None:
    with Image.open(io.BytesIO(result.to_png())) as mask:
        assert (mask.format, mask.mode) == ("PNG", "1")
        np.testing.assert_array_equal(np.asarray(mask), result.mask)


def test_json_is_one_line_with_the_steps_timings(result: SegmentationResult) -> None:
    document = json.loads(result.to_json())
    assert "\n" not in result.to_json()
    assert document == json.loads(json.dumps(result.to_document()))
    assert document["report"]["step_timings"].keys() == {"preprocess_ms", "segment_ms", "threshold_ms"}
