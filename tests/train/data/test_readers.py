from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError, InvalidImageError, TruncatedImageError
from wrinkle_train.data.checking import check_records
from wrinkle_train.data.ffhq_wrinkle import read_ffhq_wrinkle
from wrinkle_train.data.fingerprint import records_sha256
from wrinkle_train.data.mask_folder import read_cropped_masks, read_whole_masks
from wrinkle_train.data.records import CropLimits, PhotoRecord, labelled, select

SavePng = Callable[[Path, NDArray[np.uint8]], Path]
FACE = np.full((64, 64, 3), 90, np.uint8)
MASK = np.zeros((64, 64), np.uint8)
MASK[20:23, 10:50] = 255
FULL_WEAK = np.zeros((1024, 1024), np.uint8)


@pytest.fixture
def ffhq(tmp_path: Path, save_png: SavePng) -> Path:
    """FFHQ with FFHQ-Wrinkle as its instructions leave it: three pictures, two masks, weak masks, parsed labels."""
    for name in ("00001", "00011", "01002"):
        save_png(tmp_path / "images1024x1024" / f"{name[:2]}000" / f"{name}.png", FACE)
    for name in ("00001", "01002"):
        save_png(tmp_path / "manual_wrinkle_masks" / f"{name}.png", MASK)
    for name in ("00001", "00011", "00999"):
        save_png(tmp_path / "weak_wrinkle_masks" / "00000" / f"{name}.png", FULL_WEAK)
    parsed = tmp_path / "etcs" / "face_parsed_labels"
    parsed.mkdir(parents=True)
    np.save(parsed / "00001.npy", np.ones((512, 512), np.int64))
    return tmp_path


@pytest.fixture
def cropped(tmp_path: Path, save_png: SavePng) -> tuple[Path, Path]:
    """A flat folder of pictures, and a table of masks with crop limits."""
    save_png(tmp_path / "ffhq" / "00015.png", FACE)
    save_png(tmp_path / "wrinkle_masks" / "00015.png", MASK)
    table = tmp_path / "wrinkle_masks.csv"
    table.write_text("file,ffhq_id,h0,h1,w0,w1,split\nwrinkle_masks/00015.png,15,178,242,218,282,train\n", "utf-8")
    return tmp_path / "ffhq", table


def test_ffhq_wrinkle_gives_each_picture_its_labels(ffhq: Path) -> None:
    records = read_ffhq_wrinkle(ffhq)
    check_records(records)
    assert [record.id for record in records] == ["00001", "00011", "01002"]
    assert [record.mask is not None for record in records] == [True, False, True]
    assert [record.weak is not None for record in records] == [True, True, False]
    assert [record.parsed is not None for record in records] == [True, False, False]
    assert [record.id for record in labelled(records)] == ["00001", "01002"]


def test_the_face_images_folder_goes_before_ffhq(ffhq: Path, save_png: SavePng) -> None:
    save_png(ffhq / "face_images" / "00001.png", FACE)
    assert read_ffhq_wrinkle(ffhq)[0].image.parent.name == "face_images"


def test_flat_pictures_in_another_folder_are_read(ffhq: Path, tmp_path: Path, save_png: SavePng) -> None:
    images = tmp_path / "elsewhere"
    for name in ("00001", "01002"):
        save_png(images / f"{name}.png", FACE)
    assert len(read_ffhq_wrinkle(ffhq, images=images)) == 2


def test_a_manual_mask_without_a_picture_is_named(ffhq: Path, save_png: SavePng) -> None:
    save_png(ffhq / "manual_wrinkle_masks" / "00777.png", MASK)
    with pytest.raises(ContractError, match=r"00777\.png and 0 more masks have no picture"):
        read_ffhq_wrinkle(ffhq)
    assert len(read_ffhq_wrinkle(ffhq, skip_missing=True)) == 3


def test_a_folder_without_labels_is_refused(tmp_path: Path, save_png: SavePng) -> None:
    save_png(tmp_path / "base" / "images1024x1024" / "00001.png", FACE)
    with pytest.raises(ContractError, match="neither manual_wrinkle_masks nor weak_wrinkle_masks"):
        read_ffhq_wrinkle(tmp_path / "base")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ContractError, match="nothing holds no"):
        read_whole_masks(tmp_path / "nothing", tmp_path / "nothing")


def test_an_id_in_two_sub_folders_is_named(ffhq: Path, save_png: SavePng) -> None:
    save_png(ffhq / "images1024x1024" / "00001.png", FACE)
    with pytest.raises(ContractError, match="holds 00001 twice"):
        read_ffhq_wrinkle(ffhq)


def test_a_table_gives_crop_limits(cropped: tuple[Path, Path]) -> None:
    (record,) = read_cropped_masks(*cropped)
    check_records([record])
    assert record.id == "00015"
    assert record.crop == CropLimits(top=178, bottom=242, left=218, right=282)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("h0", "top", "has no column h0"),
        ("178", "many", "line 2"),
        ("242", "2420", "do not lie in a"),
        ("00015.png", "00016.png", r"no mask 00016\.png"),
        (",15,", ",16,", r"mask 00015\.png has no picture 00016"),
    ],
)
def test_a_table_with_a_fault_is_named(cropped: tuple[Path, Path], old: str, new: str, message: str) -> None:
    images, table = cropped
    table.write_text(table.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(ContractError, match=message):
        read_cropped_masks(images, table)


def test_a_table_that_fits_no_picture_is_refused_even_when_skipping(cropped: tuple[Path, Path]) -> None:
    images, table = cropped
    table.write_text(table.read_text("utf-8").replace(",15,", ",16,"), "utf-8")
    with pytest.raises(ContractError, match=r"No mask of wrinkle_masks\.csv has a picture"):
        read_cropped_masks(images, table, skip_missing=True)


@pytest.mark.shared_data
def test_the_shared_masks_table_is_read(shared_data: Path, tmp_path: Path, save_png: SavePng) -> None:
    save_png(tmp_path / "00015.png", FACE)
    (record,) = read_cropped_masks(tmp_path, shared_data / "wrinkle_masks.csv", skip_missing=True)
    check_records([record])
    assert record.crop == CropLimits(178, 994, 218, 833)


def test_a_mask_of_another_size_than_its_limits_is_named(cropped: tuple[Path, Path]) -> None:
    images, table = cropped
    table.write_text(table.read_text("utf-8").replace("242", "240"), "utf-8")
    with pytest.raises(
        ContractError, match=r"wrinkle_masks/00015\.png is 64 x 64, must be 64 x 62 as its crop limits say"
    ):
        check_records(read_cropped_masks(images, table))


def _record(tmp_path: Path, save_png: SavePng, face: NDArray[np.uint8], mask: NDArray[np.uint8]) -> PhotoRecord:
    return PhotoRecord("00003", save_png(tmp_path / "00003.png", face), save_png(tmp_path / "m" / "00003.png", mask))


@pytest.mark.parametrize(
    ("face", "mask", "message"),
    [
        (FACE[..., 0], MASK, r"00003\.png has pixels of the kind L"),
        (FACE, FACE, r"00003\.png has pixels of the kind RGB"),
        (FACE, MASK[:32], r"m/00003\.png is 64 x 32"),
        (FACE[:32], MASK, r"00003\.png is 64 x 32; faces must be square"),
        (FACE, np.arange(4096, dtype=np.uint16).reshape(64, 64).astype(np.uint8), "256 grey values"),
    ],
    ids=["grey face", "coloured mask", "mask size", "oblong face", "grey mask"],
)
def test_a_file_that_does_not_fit_is_named(
    tmp_path: Path, save_png: SavePng, face: NDArray[np.uint8], mask: NDArray[np.uint8], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        check_records([_record(tmp_path, save_png, face, mask)])


def test_a_mask_of_zeros_and_ones_is_as_good_as_one_of_255(tmp_path: Path, save_png: SavePng) -> None:
    check_records([_record(tmp_path, save_png, FACE, np.minimum(MASK, 1))])


def test_a_file_that_is_no_image_is_named(tmp_path: Path, save_png: SavePng) -> None:
    record = _record(tmp_path, save_png, FACE, MASK)
    record.image.write_bytes(b"no picture")
    with pytest.raises(InvalidImageError, match=r"00003\.png is missing or no image"):
        check_records([record])


def test_a_cut_off_file_is_named(tmp_path: Path, save_png: SavePng) -> None:
    record = _record(tmp_path, save_png, FACE, MASK)
    record.image.write_bytes(record.image.read_bytes()[:-20])
    with pytest.raises(TruncatedImageError, match=r"00003\.png ends before"):
        check_records([record])


def test_a_weak_mask_of_another_size_is_named(ffhq: Path, save_png: SavePng) -> None:
    save_png(ffhq / "weak_wrinkle_masks" / "00000" / "00011.png", MASK)
    with pytest.raises(ContractError, match=r"00000/00011\.png is 64 x 64"):
        check_records(read_ffhq_wrinkle(ffhq))


def test_parsing_labels_out_of_range_are_named(ffhq: Path) -> None:
    np.save(ffhq / "etcs" / "face_parsed_labels" / "00001.npy", np.full((512, 512), 19))
    with pytest.raises(ContractError, match=r"00001\.npy must hold"):
        check_records(read_ffhq_wrinkle(ffhq))


def test_no_records_at_all_is_an_error() -> None:
    with pytest.raises(ContractError, match="empty"):
        check_records([])


def test_selecting_an_unknown_id_is_an_error(ffhq: Path) -> None:
    records = read_ffhq_wrinkle(ffhq)
    assert [record.id for record in select(records, ["01002", "00001"])] == ["01002", "00001"]
    with pytest.raises(ContractError, match="55555"):
        select(records, ["00001", "55555"])


def test_the_hash_of_a_data_set_follows_content_and_limits(cropped: tuple[Path, Path], save_png: SavePng) -> None:
    images, table = cropped
    before = records_sha256(read_cropped_masks(images, table))
    assert records_sha256(read_cropped_masks(images, table)) == before
    table.write_text(table.read_text("utf-8").replace("178,242", "179,243"), "utf-8")
    moved = records_sha256(read_cropped_masks(images, table))
    save_png(images / "00015.png", np.full_like(FACE, 91))
    assert len({before, moved, records_sha256(read_cropped_masks(images, table))}) == 3
