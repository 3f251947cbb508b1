"""The mapping in a recipe file, on top of the one it extends.

A recipe may start with ``extends: OTHER``, the name of a file beside it: mappings are merged key by key, anything else
is replaced, and so is a mapping that says its own ``kind`` or ``task``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from wrinkle_core.errors import ContractError

__all__ = ["read_recipe_file"]

_MAX_EXTENDS: Final = 4
_CHOICES: Final = ("kind", "task")  # keys that decide which other keys a mapping has


def read_recipe_file(path: Path, readers: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the mapping in ``path`` on top of the one it extends.

    Args:
        path: The file.
        readers: Files that extend it already.

    Raises:
        ContractError: A file is missing or no YAML mapping, or the extending has no end.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractError(f"There is no recipe {path.name}; the recipes lie in train/recipes.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{path.name} is no valid YAML: {str(error).splitlines()[0]}; right it.") from None
    if not isinstance(content, dict):
        raise ContractError(f"{path.name} must hold a mapping with segmenter, network and train.")
    if "extends" not in content:
        return content
    base = content.pop("extends")
    if not isinstance(base, str) or Path(base).name != base:
        raise ContractError(f"{path.name}: extends must be the name of a recipe beside it, got {base!r}.")
    if len(readers) >= _MAX_EXTENDS or path in readers:
        raise ContractError(f"{path.name}: extends goes round in a circle or is deeper than {_MAX_EXTENDS} files.")
    return _merged(read_recipe_file(path.with_name(f"{base}.yaml"), (*readers, path)), content)


def _merged(base: Any, over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if both and not any(choice in value for choice in _CHOICES) else value
    return merged
