from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.errors import ArtifactError
from wrinkle_train.recipe import Recipe
from wrinkle_train.training.run_record import open_record, read_record


def test_only_the_first_of_several_processes_writes(
    tiny_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    record = open_record(tmp_path, tiny_recipe, "data").note(initial_weights="Random.")
    assert record.content["initial_weights"] == "Random."
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("RANK", "0")
    open_record(tmp_path, tiny_recipe, "data")
    assert read_record(tmp_path) is not None


def test_a_run_goes_on_with_as_many_processes_as_it_was_begun_with(
    tiny_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = open_record(tmp_path, tiny_recipe, "data")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ArtifactError, match=r"begun by 1 process\(es\), not 2"):
        open_record(tmp_path, tiny_recipe, "data")
    record.close(wall_s=1.0, finished=True)
    assert open_record(tmp_path, tiny_recipe, "data").is_finished
