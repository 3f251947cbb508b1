from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wrinkle_core.contract import segmenter
from wrinkle_core.errors import ContractError, InvalidParameterError, NoFaceError
from wrinkle_core.face_mask import face_mask
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.preprocess import network_input
from wrinkle_core.texture import texture_map
from wrinkle_train.data.augmentation import Augmentation
from wrinkle_train.data.landmark_cache import FoundLandmarks, find_landmarks, landmarks_at
from wrinkle_train.data.photo_dataset import (
    PicturePhotos,
    SampleOptions,
    SegmentationPhotos,
    TexturePhotos,
    segmentation_batch,
    texture_batch,
)
from wrinkle_train.data.photo_frame import FrameOptions
from wrinkle_train.data.records import CropLimits, PhotoRecord
from wrinkle_train.data.sample_order import SampleKey

SavePng = Callable[[Path, NDArray[np.uint8]], Path]
UNMASKED = FrameOptions(input_px=128, mask="none")


@pytest.fixture(scope="module")
def landmarks(
    face_record: PhotoRecord, face_landmarker: FaceLandmarker, tmp_path_factory: pytest.TempPathFactory
) -> FoundLandmarks:
    return find_landmarks([face_record], tmp_path_factory.mktemp("cache"), landmarker=face_landmarker)


def test_a_texture_sample_is_the_input_serving_makes(
    face_record: PhotoRecord,
    landmarks: FoundLandmarks,
    aligned_face_rgb: NDArray[np.uint8],
    drawn_mask: NDArray[np.uint8],
) -> None:
    spec = segmenter("unet_texture")
    photos = SegmentationPhotos([face_record], FrameOptions(1024, "face", texture="computed"), landmarks=landmarks)
    pixels, wrinkle, weight = photos[0]
    landmarks_xy = landmarks_at(landmarks.shares["00007"], 1024)
    served = network_input(aligned_face_rgb, face_mask(landmarks_xy, 1024, 1024, spec.mask_rule), spec)
    np.testing.assert_array_equal(pixels.numpy(), served)
    assert wrinkle.dtype == weight.dtype == torch.uint8
    np.testing.assert_array_equal(wrinkle.numpy(), (drawn_mask > 0) * photos.frame(0).mask)
    assert bool(weight.all())


def test_landmarks_come_back_to_the_pixels_they_were_found_at(
    landmarks: FoundLandmarks, face_landmarker: FaceLandmarker, aligned_face_rgb: NDArray[np.uint8]
) -> None:
    found = face_landmarker.find(aligned_face_rgb).landmarks_xyz[:, :2]
    np.testing.assert_allclose(landmarks_at(landmarks.shares["00007"], 1024), found, atol=1e-3)


def test_a_skin_sample_at_512_leaves_the_nose_out(face_record: PhotoRecord, landmarks: FoundLandmarks) -> None:
    skin, face = (
        SegmentationPhotos([face_record], FrameOptions(512, rule), landmarks=landmarks).frame(0).mask
        for rule in ("skin", "face")
    )
    assert (skin <= face).all()
    assert face.sum() - skin.sum() > 2000


def test_a_label_outside_the_face_is_dropped_unless_asked_for(
    face_record: PhotoRecord, landmarks: FoundLandmarks, save_png: SavePng, tmp_path: Path
) -> None:
    everywhere = replace(face_record, mask=save_png(tmp_path / "m.png", np.full((1024, 1024), 255, np.uint8)))
    frames = FrameOptions(256, "skin")
    kept = SegmentationPhotos([everywhere], frames, SampleOptions(label_outside_mask=True), landmarks)
    dropped = SegmentationPhotos([everywhere], frames, landmarks=landmarks)
    assert int(kept[0][1].sum()) == 256 * 256
    np.testing.assert_array_equal(dropped[0][1].numpy(), dropped.frame(0).mask)


def test_pixels_outside_the_crop_limits_weigh_nothing(
    face_record: PhotoRecord, save_png: SavePng, tmp_path: Path
) -> None:
    drawn = np.zeros((400, 300), np.uint8)
    drawn[100:110, 50:250] = 255
    record = replace(face_record, mask=save_png(tmp_path / "m.png", drawn), crop=CropLimits(200, 600, 300, 600))
    _, wrinkle, weight = SegmentationPhotos([record], FrameOptions(1024, "none"))[0]
    assert int(weight.sum()) == 400 * 300
    assert bool(weight[200:600, 300:600].all())
    assert bool(wrinkle[300:310, 350:550].all())
    assert int(wrinkle.sum()) == 10 * 200


def test_ignored_pixels_weigh_nothing_unless_they_are_wrinkle(
    face_record: PhotoRecord, save_png: SavePng, tmp_path: Path, drawn_mask: NDArray[np.uint8]
) -> None:
    unclear = drawn_mask.copy()
    unclear[100:110, 100:200] = 255
    record = replace(face_record, ignored=save_png(tmp_path / "i.png", unclear))
    _, wrinkle, weight = SegmentationPhotos([record], FrameOptions(1024, "none"))[0]
    assert int((weight == 0).sum()) == 10 * 100
    assert bool(weight[wrinkle > 0].all())


def test_thin_lines_stay_whole_at_small_sizes(face_record: PhotoRecord) -> None:
    _, wrinkle, _ = SegmentationPhotos([face_record], UNMASKED)[0]
    row = wrinkle[330 * 128 // 1024 - 1 : 330 * 128 // 1024 + 2, 52:76].amax(dim=0)
    assert bool(row.all())


@pytest.mark.parametrize("augmentation", ["paper1", "paper2"])
@pytest.mark.parametrize("seed", range(4))
def test_picture_texture_and_label_move_alike(
    pattern_record: PhotoRecord, augmentation: Augmentation, seed: int
) -> None:
    frames = FrameOptions(512, "none", texture="files")
    photos = SegmentationPhotos([pattern_record], frames, SampleOptions(augmentation, seed=seed))
    pixels, wrinkle, _ = photos[SampleKey(1, 0)]
    for channel in pixels:
        shown = channel > 127
        both, either = int((shown & (wrinkle > 0)).sum()), int((shown | (wrinkle > 0)).sum())
        assert both / either > 0.9
    before = photos.frame(0).label
    assert before is not None
    assert not np.array_equal(before, wrinkle.numpy())


def test_texture_samples_show_the_unmasked_face_and_the_masked_map(
    face_record: PhotoRecord, landmarks: FoundLandmarks, aligned_face_rgb: NDArray[np.uint8]
) -> None:
    frames = FrameOptions(1024, "face", texture="computed", labels=False)
    pixels, texture = TexturePhotos([face_record], frames, landmarks=landmarks)[0]
    np.testing.assert_array_equal(pixels.numpy(), aligned_face_rgb.transpose(2, 0, 1))
    mask = face_mask(landmarks_at(landmarks.shares["00007"], 1024), 1024, 1024, segmenter("unet_texture").mask_rule)
    np.testing.assert_array_equal(texture.numpy(), texture_map(aligned_face_rgb) * mask)
    batch = texture_batch([(pixels, texture), (pixels, texture)])
    assert batch.pixels.shape == (2, 3, 1024, 1024)
    assert batch.texture.dtype == torch.uint8


def test_texture_targets_can_come_from_weak_mask_files(pattern_record: PhotoRecord) -> None:
    frames = FrameOptions(1024, "none", texture="files", labels=False)
    pixels, texture = TexturePhotos([pattern_record], frames)[0]
    np.testing.assert_array_equal(texture.numpy(), pixels[0].numpy())


def test_picture_samples_are_the_picture(pattern_record: PhotoRecord) -> None:
    pixels = PicturePhotos([pattern_record], FrameOptions(1024, "none", labels=False))[0]
    assert pixels.shape == (3, 1024, 1024)
    assert int((pixels == 255).sum()) == 3 * 5 * 40 * 40


def test_parsing_labels_keep_skin_and_nose(face_record: PhotoRecord, tmp_path: Path) -> None:
    classes = np.zeros((512, 512), np.int64)
    classes[100:200, 100:200], classes[200:250, 100:200], classes[300:, 300:] = 1, 10, 17
    np.save(tmp_path / "00007.npy", classes)
    record = replace(face_record, parsed=tmp_path / "00007.npy")
    frame = SegmentationPhotos([record], FrameOptions(1024, "face", "parsed")).frame(0)
    assert int(frame.mask.sum()) == 4 * 150 * 100
    assert frame.mask[200:500, 200:400].all()


def test_a_window_lies_on_the_face(face_record: PhotoRecord, landmarks: FoundLandmarks) -> None:
    photos = SegmentationPhotos([face_record], FrameOptions(512, "skin"), SampleOptions(crop_px=96), landmarks)
    for epoch in range(5):
        pixels, wrinkle, weight = photos[SampleKey(epoch, 0)]
        assert pixels.shape == (3, 96, 96)
        assert wrinkle.shape == weight.shape == (96, 96)
        assert pixels.any()


def test_a_sample_is_decided_by_seed_epoch_and_index(face_record: PhotoRecord) -> None:
    options = SampleOptions("paper2", crop_px=64, seed=5)
    photos = SegmentationPhotos([face_record], UNMASKED, options)
    copy = pickle.loads(pickle.dumps(photos))
    assert torch.equal(photos[SampleKey(3, 0)][0], copy[SampleKey(3, 0)][0])
    other_seed = SegmentationPhotos([face_record], UNMASKED, replace(options, seed=6))
    for changed in (photos[SampleKey(4, 0)], other_seed[SampleKey(3, 0)]):
        assert not torch.equal(photos[SampleKey(3, 0)][0], changed[0])


def test_kept_frames_are_bounded_and_do_not_travel(face_record: PhotoRecord) -> None:
    keeping = SegmentationPhotos([face_record], UNMASKED)
    assert keeping.frame(0) is keeping.frame(0)
    forgetting = SegmentationPhotos([face_record], UNMASKED, SampleOptions(keep_mb=0))
    assert forgetting.frame(0) is not forgetting.frame(0)
    assert len(pickle.dumps(keeping)) < 10_000


def test_changing_a_sample_leaves_the_kept_frame_alone(face_record: PhotoRecord) -> None:
    photos = SegmentationPhotos([face_record], UNMASKED)
    for plane in photos[0]:
        plane.zero_()
    assert photos[0][0].any()
    assert photos[0][2].all()


def test_samples_are_collated_to_what_training_takes(face_record: PhotoRecord) -> None:
    photos = SegmentationPhotos([face_record], UNMASKED)
    batch = segmentation_batch([photos[0], photos[0]])
    assert batch.pixels.shape == (2, 3, 128, 128)
    assert batch.pixels.dtype == torch.uint8
    assert batch.wrinkle.dtype == batch.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (FrameOptions(128, "skin"), r"00007\.png has no landmarks"),
        (FrameOptions(128, "none", texture="files"), r"00007\.png has no weak mask"),
        (FrameOptions(128, "face", "parsed"), r"00007\.png has no parsing labels"),
    ],
)
def test_a_record_without_what_the_options_need_is_named_at_once(
    face_record: PhotoRecord, frames: FrameOptions, message: str
) -> None:
    with pytest.raises((ContractError, NoFaceError), match=message):
        SegmentationPhotos([face_record], frames)


def test_a_record_without_a_mask_is_named_at_once(face_record: PhotoRecord) -> None:
    with pytest.raises(ContractError, match=r"00007\.png has no manual mask"):
        SegmentationPhotos([replace(face_record, mask=None)], UNMASKED)


def test_an_empty_data_set_is_refused() -> None:
    with pytest.raises(ContractError, match="empty"):
        SegmentationPhotos([], UNMASKED)


def test_a_window_larger_than_the_frame_is_refused(face_record: PhotoRecord) -> None:
    with pytest.raises(InvalidParameterError, match="256 px does not fit"):
        SegmentationPhotos([face_record], UNMASKED, SampleOptions(crop_px=256))


def test_parsing_labels_have_no_rule_without_the_nose() -> None:
    with pytest.raises(InvalidParameterError, match="'face' only"):
        FrameOptions(128, "skin", "parsed")
