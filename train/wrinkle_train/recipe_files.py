"""Finding the bundled recipes: by name, in an installed wheel or an editable checkout."""

from __future__ import annotations

from pathlib import Path

from wrinkle_core.errors import InvalidParameterError

__all__ = ["find_recipe", "recipe_names"]

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE / "recipes", _PACKAGE.parent / "recipes")


def recipe_names() -> tuple[str, ...]:
    """Return the names of the bundled recipes; a file whose name begins with an underscore is only extended."""
    return tuple(sorted({path.stem for folder in _FOLDERS for path in folder.glob("[!_]*.yaml")}))


def find_recipe(name_or_path: str) -> Path:
    """Return the file of a recipe given by its bundled name or its path.

    Raises:
        InvalidParameterError: Neither a file nor a bundled recipe.
    """
    given = Path(name_or_path)
    if given.is_file():
        return given
    for folder in _FOLDERS:
        bundled = folder / f"{name_or_path}.yaml"
        if bundled.is_file():
            return bundled
    raise InvalidParameterError(f"There is no recipe {given.name!r}; choose one of {', '.join(recipe_names())}.")
