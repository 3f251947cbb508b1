from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wrinkle_core.errors import ArtifactError, ContractError, InvalidParameterError
from wrinkle_train.data.checking import check_records
from wrinkle_train.data.reading import read_mask
from wrinkle_train.data.rendered_set import RenderedSetPlan, library_sha256, make_rendered_set, read_rendered_set
from wrinkle_train.render.faces import Library

PLAN = RenderedSetPlan(train=3, val=1, test=2, side_px=128, seed=4)


class StoppedError(Exception):
    """Stands for a kill between two pictures."""


def _stop_after(count: int) -> object:
    def on_photo(done: int, _: int) -> None:
        if done == count:
            raise StoppedError

    return on_photo


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_rendered_set_reads_as_a_data_set_with_three_parts(library: Library, tmp_path: Path) -> None:
    make_rendered_set(library, library, "d", PLAN, tmp_path)
    records = read_rendered_set(tmp_path)
    check_records(records)
    assert len(records) == 6
    parts = [{record.id for record in read_rendered_set(tmp_path, part)} for part in ("train", "val", "test")]
    assert [len(part) for part in parts] == [3, 1, 2]
    assert set.union(*parts) == {record.id for record in records}
    assert all(
        record.mask is not None and read_mask(record.mask).any() for record in read_rendered_set(tmp_path, "test")
    )


def test_a_stopped_set_ends_as_one_that_was_not(library: Library, tmp_path: Path) -> None:
    make_rendered_set(library, library, "d", PLAN, tmp_path / "whole")
    with pytest.raises(StoppedError):
        make_rendered_set(library, library, "d", PLAN, tmp_path / "parts", _stop_after(2))  # type: ignore[arg-type]
    (tmp_path / "parts" / "images" / "00000.png").write_bytes(b"damaged since")
    make_rendered_set(library, library, "d", PLAN, tmp_path / "parts")
    assert _hashes(tmp_path / "parts") == _hashes(tmp_path / "whole")


def test_the_manifest_names_seed_data_and_renderer(library: Library, tmp_path: Path) -> None:
    manifest = make_rendered_set(library, library, "hash of the data", PLAN, tmp_path)
    settings = json.loads(manifest.read_text("utf-8"))["settings"]
    assert settings["seed"] == 4
    assert settings["data_sha256"] == "hash of the data"
    assert len(settings["renderer_sha256"]) == 64


def test_a_folder_of_another_set_is_refused(library: Library, tmp_path: Path) -> None:
    make_rendered_set(library, library, "d", replace(PLAN, train=1), tmp_path)
    with pytest.raises(ArtifactError, match="train"):
        make_rendered_set(library, library, "d", PLAN, tmp_path)


def test_an_unfinished_folder_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no finished rendered set"):
        read_rendered_set(tmp_path)


def test_a_set_without_a_part_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="one picture or more"):
        RenderedSetPlan(train=0)


@pytest.mark.shared_data
def test_the_data_hash_covers_tables_faces_and_drawings(shared_data: Path, tmp_path: Path) -> None:
    assert len(library_sha256(shared_data)) == 64
    assert library_sha256(shared_data) == library_sha256(shared_data)
    assert library_sha256(tmp_path) != library_sha256(shared_data)


def test_the_faces_of_a_set_vary(library: Library, tmp_path: Path) -> None:
    make_rendered_set(library, library, "d", PLAN, tmp_path)
    pictures = {path.read_bytes() for path in (tmp_path / "images").iterdir()}
    assert len(pictures) == 6
    assert np.unique([path.stem for path in (tmp_path / "masks").iterdir()]).size == 6
