"""Frames of videos, encoded by OpenCV's own writer."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from wrinkle_client import InvalidImageError, InvalidParameterError, MissingExtraError, TruncatedImageError
from wrinkle_client.batch_run.photographs import find_photographs
from wrinkle_client.batch_run.video import FrameChoice, frames_of

FRAMES, FRAMES_PER_S = 20, 5.0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of 4 s whose frames get lighter by 10 levels each."""
    path = tmp_path_factory.mktemp("video") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FRAMES_PER_S, (64, 48))  # type: ignore[attr-defined]
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 10 * number + 20, np.uint8))
    writer.release()
    return path


def frame_number(png: bytes) -> int:
    with Image.open(io.BytesIO(png)) as image:
        return round((float(np.asarray(image).mean()) - 20) / 10)


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (FrameChoice(), [0, 5, 10, 15]),
        (FrameChoice(every_s=2), [0, 10]),
        (FrameChoice(every_n_frames=7), [0, 7, 14]),
        (FrameChoice(every_n_frames=1, max_frames=3), [0, 1, 2]),
        (FrameChoice(every_s=0.01, max_frames=2), [0, 1]),
    ],
)
def test_the_chosen_frames_are_read(video: Path, choice: FrameChoice, numbers: list[int]) -> None:
    frames = list(frames_of(video, choice))
    assert [frame.number for frame in frames] == numbers
    assert [frame_number(frame.read()) for frame in frames] == numbers


def test_frames_left_out_by_an_earlier_run_are_skipped(video: Path) -> None:
    frames = list(frames_of(video, FrameChoice(every_n_frames=3)))
    assert [frame_number(frame.read()) for frame in frames[2::2]] == [6, 12, 18]


def test_frames_are_photographs_of_a_run(video: Path, tmp_path: Path) -> None:
    found = find_photographs([str(video.parent)], tmp_path, frames=FrameChoice(every_s=2))
    assert [(one.name, one.stem) for one in found] == [
        ("clip.avi frame 0", "clip-000000"),
        ("clip.avi frame 10", "clip-000010"),
    ]


def test_a_cut_off_video_fails_at_the_frame_that_is_gone(video: Path, tmp_path: Path) -> None:
    frames = list(frames_of(video, FrameChoice(every_n_frames=19)))
    whole = video.read_bytes()
    video.write_bytes(whole[: 3 * len(whole) // 4])
    try:
        with pytest.raises(TruncatedImageError, match="before frame 19"):
            frames[1].read()
    finally:
        video.write_bytes(whole)


def test_a_text_file_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("#EXTM3U\nhttp://127.0.0.1/no.ts\n")
    with pytest.raises(InvalidImageError, match=r"clip\.mp4"):
        frames_of(tmp_path / "clip.mp4", FrameChoice())


def test_a_video_that_cannot_be_read_leaves_the_photographs_beside_it_alone(tmp_path: Path) -> None:
    for name in ("a.jpg", "clip.mp4"):
        (tmp_path / name).write_text("neither")
    photograph, broken = find_photographs([str(tmp_path)], tmp_path / "out")
    assert (photograph.name, photograph.read()) == ("a.jpg", tmp_path / "a.jpg")
    assert (broken.name, broken.stem) == ("clip.mp4", "clip")
    with pytest.raises(InvalidImageError, match=r"clip\.mp4"):
        broken.read()


def test_without_opencv_the_pip_line_is_said(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'wrinkle-serving\[prepare\]'"):
        frames_of(video, FrameChoice())


@pytest.mark.parametrize("options", [(0.0, None), (-1.0, None), (None, 0), (1.0, 5)])
def test_a_step_that_is_no_step_is_refused(options: tuple[float | None, int | None]) -> None:
    with pytest.raises(InvalidParameterError):
        FrameChoice(*options)
