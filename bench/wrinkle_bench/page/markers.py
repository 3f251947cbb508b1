"""A page whose prose is written by hand and whose tables are made: what stands between two markers is replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from wrinkle_core.errors import ArtifactError

__all__ = ["filled_page"]

_BLOCK: Final = re.compile(r"(<!-- figures: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled_page(page: str, blocks: Mapping[str, str]) -> str:
    """Return the page with each block's text between its markers.

    Args:
        page: Markdown with ``<!-- figures: NAME -->`` and ``<!-- end -->`` on lines of their own.
        blocks: Text by name.

    Raises:
        ArtifactError: A block has no place on the page, or a place no block.
    """
    places = [found[2] for found in _BLOCK.finditer(page)]
    if sorted(places) != sorted(blocks):
        different = ", ".join(sorted(set(places) ^ set(blocks))) or "a place that is there twice"
        raise ArtifactError(f"Page and figures differ in {different}; add or remove the markers.")
    return _BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]].strip()}\n{found[4]}", page)
