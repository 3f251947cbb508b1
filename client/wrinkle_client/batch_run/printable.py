"""Foreign text as it may be shown.

File names, and messages that hold them, come from anywhere and may hold terminal codes or be no valid Unicode.
"""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """Return ``text`` with every character that cannot be printed replaced by U+FFFD."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
