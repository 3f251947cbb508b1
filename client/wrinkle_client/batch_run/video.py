"""Frames of a video as photographs.

Frames are found by their number, reading on from the one before: seeking by time lands on the wrong frame in many
files. OpenCV decodes; it is not part of the bare install.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from wrinkle_client.limits import Limits
from wrinkle_core.errors import (
    ImageTooLargeError,
    InvalidImageError,
    InvalidParameterError,
    MissingExtraError,
    TruncatedImageError,
)

__all__ = ["DEFAULT_MAX_FRAMES", "VIDEO_ENDINGS", "Frame", "FrameChoice", "frames_of", "is_video"]

VIDEO_ENDINGS: Final = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm")
DEFAULT_MAX_FRAMES: Final = 100
_DEFAULT_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """Which frames of a video are taken, the first one always.

    Attributes:
        every_s: Seconds of video from one to the next; 1 when neither is given.
        every_n_frames: Frames from one to the next, in place of ``every_s``.
        max_frames: At most so many of one video.

    Raises:
        InvalidParameterError: A value is not above 0, or both steps are given.
    """

    every_s: float | None = None
    every_n_frames: int | None = None
    max_frames: int = DEFAULT_MAX_FRAMES

    def __post_init__(self) -> None:
        if self.every_s is not None and self.every_n_frames is not None:
            raise InvalidParameterError("Choose --every-s or --every-n-frames, not both.")
        for name, value in (
            ("--every-s", self.every_s),
            ("--every-n-frames", self.every_n_frames),
            ("--max-frames", self.max_frames),
        ):
            if value is not None and not 0 < value < 1e9:
                raise InvalidParameterError(f"{name} is {value:g}, expected a number above 0.")

    def step(self, frames_per_s: float) -> int:
        """Return how many frames lie from one taken frame to the next."""
        if self.every_n_frames is not None:
            return self.every_n_frames
        every_s = _DEFAULT_EVERY_S if self.every_s is None else self.every_s
        return max(1, round(every_s * frames_per_s))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its number in the video, from 0, and how to read it as a PNG file."""

    number: int
    read: Callable[[], bytes]


def is_video(path: Path) -> bool:
    """Return whether the ending is that of a video."""
    return path.suffix.lower() in VIDEO_ENDINGS


def frames_of(path: Path, choice: FrameChoice) -> Iterator[Frame]:
    """Return the frames to take from a video; each is decoded when it is read.

    Raises:
        MissingExtraError: OpenCV is not installed.
        InvalidImageError: The file is no video that can be read, or does not say how long it is.
        ImageTooLargeError: Its frames have too many pixels.
    """
    video = _Video(path)
    numbers = range(0, video.frame_count, choice.step(video.frames_per_s))[: choice.max_frames]
    video.last = numbers[-1]
    return (Frame(number, partial(video.read, number)) for number in numbers)


class _Video:
    """A video that is read forwards; opened when its first frame is wanted, closed after its last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        capture = self._open()
        cv2 = _opencv()
        self.frame_count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.frames_per_s = float(capture.get(cv2.CAP_PROP_FPS))
        pixels = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)) * int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        capture.release()
        if self.frame_count < 1 or not 0 < self.frames_per_s < 10_000:
            raise InvalidImageError(f"{path.name} does not say how many frames it has; convert it to MP4.")
        if pixels > Limits().max_pixels:
            raise ImageTooLargeError(
                f"{path.name} has {pixels} pixels a frame; at most {Limits().max_pixels} are read."
            )
        self.last = self.frame_count - 1
        self._capture: Any = None
        self._next = 0

    def read(self, number: int) -> bytes:
        """Return frame ``number`` as PNG."""
        if self._capture is None or number < self._next:
            self._capture, self._next = self._open(), 0
        while self._next < number and self._capture.grab():
            self._next += 1
        cv2 = _opencv()
        there, frame_bgr = self._capture.read() if self._next == number else (False, None)
        if not there:
            raise TruncatedImageError(f"{self._path.name} ends before frame {number}; the file is damaged or cut off.")
        self._next += 1
        if number >= self.last:
            self._capture = None
        _, png = cv2.imencode(".png", frame_bgr, (cv2.IMWRITE_PNG_COMPRESSION, 1))
        return bytes(png)

    def _open(self) -> Any:
        cv2 = _opencv()
        # An absolute path with this reader is always a local file, never an address or a numbered series of pictures.
        capture = cv2.VideoCapture(str(self._path.resolve()), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise InvalidImageError(f"{self._path.name} is no video that can be read; convert it to MP4.")
        return capture


def _opencv() -> Any:
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "Videos need OpenCV, which is not installed. Install it with: pip install 'wrinkle-serving[prepare]'"
        ) from error
    return cv2
