from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from wrinkle_client import Client, EmptyImageError, ImageTooLargeError, InvalidImageError, InvalidParameterError, Limits


@pytest.mark.parametrize("kind", [str, Path, os.fspath])
def test_a_path_is_read_and_sent(http_server: Any, photo: bytes, tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "face.jpg"
    path.write_bytes(photo)
    with Client(http_server.url) as client:
        client.segment(kind(path))
    assert http_server.received[0].image == photo


def test_a_missing_file_is_an_invalid_image_and_its_folder_is_not_named(http_server: Any, tmp_path: Path) -> None:
    with Client(http_server.url) as client, pytest.raises(InvalidImageError, match=r"'nobody\.jpg'") as raised:
        client.segment(tmp_path / "nobody.jpg")
    assert str(tmp_path) not in str(raised.value)
    assert http_server.received == []


def test_a_name_too_long_for_a_file_is_an_invalid_image(http_server: Any) -> None:
    with Client(http_server.url) as client, pytest.raises(InvalidImageError, match="name too long"):
        client.segment("x" * 5000)


def test_a_folder_is_an_invalid_image(http_server: Any, tmp_path: Path) -> None:
    with Client(http_server.url) as client, pytest.raises(InvalidImageError):
        client.segment(tmp_path)


@pytest.mark.parametrize("as_file", [True, False])
def test_an_empty_photograph_is_refused_before_it_is_sent(http_server: Any, tmp_path: Path, as_file: bool) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with Client(http_server.url) as client, pytest.raises(EmptyImageError):
        client.segment(path if as_file else b"")
    assert http_server.received == []


@pytest.mark.parametrize("as_file", [True, False])
def test_a_photograph_over_the_limit_is_refused_before_it_is_sent(
    http_server: Any, tmp_path: Path, as_file: bool
) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(bytes(1001))
    limits = Limits(max_encoded_bytes=1000)
    with Client(http_server.url, limits=limits) as client, pytest.raises(ImageTooLargeError):
        client.segment(path if as_file else bytes(1001))
    assert http_server.received == []


def test_anything_else_than_bytes_or_a_path_is_refused(http_server: Any) -> None:
    with Client(http_server.url) as client, pytest.raises(InvalidParameterError, match="list"):
        client.segment([1, 2, 3])  # type: ignore[arg-type]


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="max_pixels"):
        Limits(max_pixels=0)
