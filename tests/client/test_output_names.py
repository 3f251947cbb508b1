from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_client import InvalidParameterError
from wrinkle_client.output_names import output_stems


@pytest.mark.parametrize(
    ("photos", "stems"),
    [
        (["a.jpg", "b.png"], ["a", "b"]),
        (["x/a.jpg", "y/a.jpg", "z/A.png"], ["a", "a-2", "A-3"]),
        (["a-2.jpg", "a.jpg", "a.png"], ["a-2", "a", "a-3"]),
        (["a.jpg", "a.jpg"], ["a", "a-2"]),
        (["archive.tar.jpg", ".hidden"], ["archive.tar", ".hidden"]),
    ],
)
def test_every_photograph_gets_a_stem_of_its_own(photos: list[str], stems: list[str], tmp_path: Path) -> None:
    assert output_stems([tmp_path / "in" / photo for photo in photos], tmp_path / "out") == stems


def test_a_photograph_in_the_way_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"face-mask\.png"):
        output_stems([tmp_path / "face.jpg", tmp_path / "face-mask.png"], tmp_path)
