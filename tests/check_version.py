"""Fail unless CHANGELOG.md's newest release is the version in pyproject.toml."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _first(pattern: str, file: str) -> str:
    found = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else "nothing"


package = _first(r'^version = "([^"]+)"', "pyproject.toml")
changelog = _first(r"^## \[(\d[^\]]*)\]", "CHANGELOG.md")
if package != changelog:
    sys.exit(f"pyproject.toml says {package}, CHANGELOG.md says {changelog}: give {package} an entry there.")
