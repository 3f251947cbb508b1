from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_train.recipe import load_recipe
from wrinkle_train.recipe_files import find_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_every_bundled_recipe_is_valid(name: str) -> None:
    assert load_recipe(find_recipe(name)).train.steps > 0


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    text = find_recipe("tiny-unetpp").read_text(encoding="utf-8")
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("batch_size:", "batchsize:"), encoding="utf-8")
    with pytest.raises(ContractError, match="batchsize"):
        load_recipe(changed)


def test_a_recipe_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ContractError, match="mapping"):
        load_recipe(path)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InvalidParameterError, match="demo-unetpp"):
        find_recipe("no-such-recipe")


def test_any_changed_value_changes_the_fingerprint() -> None:
    recipe = load_recipe(find_recipe("tiny-unetpp"))
    train = recipe.train.model_copy(update={"steps": recipe.train.steps + 1})
    assert recipe.model_copy(update={"train": train}).fingerprint() != recipe.fingerprint()
