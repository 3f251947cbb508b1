"""Every form a photograph may have in memory reaches the server as the same picture."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wrinkle_client import EmptyImageError, ImageTooLargeError, InvalidImageError, InvalidParameterError
from wrinkle_client.photo import Photo, read_photo
from wrinkle_core.decode import decode_image

LIMIT = 2**20


def read(photo: Any, limit: int = LIMIT) -> bytes:
    return read_photo(photo, max_encoded_bytes=limit)


@pytest.fixture
def rgb() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (17, 23, 3), np.uint8)


class Trickle(io.RawIOBase):
    """Gives a few bytes at a time, like a pipe or an upload."""

    def __init__(self, data: bytes) -> None:
        self._left = io.BytesIO(data)
        self.asked = 0

    def read(self, size: int = -1, /) -> bytes:
        self.asked += 1
        return self._left.read(min(size, 7))


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO, Trickle])
def test_bytes_in_any_wrapping_are_sent_as_they_are(photo: bytes, wrap: Callable[[bytes], Photo]) -> None:
    assert read(wrap(photo)) == photo


def test_a_memoryview_of_other_items_than_bytes_is_sent_as_bytes(photo: bytes) -> None:
    even = photo[: len(photo) // 2 * 2]
    assert read(memoryview(even).cast("H")) == even


def test_an_open_file_is_read_from_where_it_stands_and_left_open(photo: bytes, tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(b"head" + photo)
    with path.open("rb") as file:
        file.seek(4)
        assert read(file) == photo
        assert not file.closed


def test_a_pipe_is_read_to_its_end(photo: bytes) -> None:
    source, sink = os.pipe()

    def write() -> None:
        with os.fdopen(sink, "wb") as pipe:
            pipe.write(photo)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(source, "rb", buffering=0) as pipe:
        assert read(pipe) == photo
    writer.join()


def test_no_more_is_read_of_a_file_than_the_limit_and_one_byte() -> None:
    endless = Trickle(bytes(10_000))
    with pytest.raises(ImageTooLargeError):
        read(endless, limit=70)
    assert endless.asked <= 12


def test_a_file_open_as_text_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "face.txt"
    path.write_text("not a photograph", encoding="utf-8")
    with path.open(encoding="utf-8") as file, pytest.raises(InvalidParameterError, match="binary mode"):
        read(file)


def test_an_asynchronous_file_is_refused_with_the_remedy() -> None:
    class Upload:
        async def read(self, size: int) -> bytes:
            return b""

    with pytest.raises(InvalidParameterError, match="pass the bytes"):
        read(Upload())


def test_an_array_arrives_pixel_by_pixel(rgb: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(decode_image(read(rgb)), rgb)
    np.testing.assert_array_equal(decode_image(read(rgb[::-1, ::2])), rgb[::-1, ::2])


def test_a_grey_array_arrives_as_grey(rgb: NDArray[np.uint8]) -> None:
    decoded = decode_image(read(rgb[..., 0]))
    np.testing.assert_array_equal(decoded, np.repeat(rgb[..., :1], 3, axis=2))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 5), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros(16, np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_of_another_form_is_refused_with_the_remedy(array: NDArray[Any]) -> None:
    with pytest.raises(InvalidParameterError, match=r"expected uint8 \(H, W, 3\) in RGB order"):
        read(array)


def test_an_array_without_pixels_is_empty() -> None:
    with pytest.raises(EmptyImageError):
        read(np.zeros((0, 5, 3), np.uint8))


def test_an_array_too_large_for_any_server_is_refused_before_it_is_encoded() -> None:
    with pytest.raises(ImageTooLargeError, match="scale it down"):
        read(np.broadcast_to(np.uint8(0), (40_000, 2, 3)))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "I;16"])
def test_a_pillow_image_is_seen_as_its_file_would_be(rgb: NDArray[np.uint8], mode: str) -> None:
    deep = Image.fromarray(rgb[..., 0].astype(np.uint16) << 8)
    image = deep if mode == "I;16" else Image.fromarray(rgb).convert(mode)
    file = io.BytesIO()
    image.save(file, "TIFF")
    np.testing.assert_array_equal(decode_image(read(image)), decode_image(file.getvalue()))


def test_a_pillow_image_is_turned_upright_like_the_file_it_came_from(rgb: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG", exif=exif)
    opened = Image.open(io.BytesIO(file.getvalue()))
    np.testing.assert_array_equal(decode_image(read(opened)), decode_image(file.getvalue()))


def test_a_pillow_image_whose_file_is_damaged_is_an_invalid_image(photo: bytes) -> None:
    with pytest.raises(InvalidImageError, match="damaged"):
        read(Image.open(io.BytesIO(photo[:-12])))


@pytest.mark.parametrize("url", ["http://example.org/face.jpg", "HTTPS://example.org/face.jpg"])
def test_a_text_is_never_fetched(url: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"RemotePhoto\(url\)"):
        read(url)


@pytest.mark.parametrize("thing", [[1, 2], 3, None, {"photo": b""}, object()])
def test_anything_else_is_refused_by_its_type(thing: object) -> None:
    with pytest.raises(InvalidParameterError, match=type(thing).__name__):
        read(thing)
