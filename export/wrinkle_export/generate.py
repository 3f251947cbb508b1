"""Writes, or checks, every file that is made from the tensor contract.

``python -m wrinkle_export.generate --write`` is part of ``make format``; ``--check`` is part of ``make lint``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from wrinkle_core.contract import MODELS
from wrinkle_export.contract_page import contract_page
from wrinkle_export.repository.deployment import PRODUCTION
from wrinkle_export.repository.triton_config import config_text

__all__ = ["generated_files", "stale_files", "write_files"]

_CHECKOUT: Final = Path(__file__).resolve().parents[2]


def generated_files() -> dict[Path, str]:
    """Return the wanted text of every generated file by its path relative to the checkout."""
    configs = {Path("model_repository", m.name, "config.pbtxt"): config_text(m, PRODUCTION) for m in MODELS}
    return configs | {Path("docs", "contract.md"): contract_page()}


def stale_files(files: Mapping[Path, str], root: Path) -> list[Path]:
    """Return the relative paths under ``root`` whose text is missing or differs."""
    return [
        path
        for path, text in files.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def write_files(files: Mapping[Path, str], root: Path) -> None:
    """Write every file under ``root``."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _main(
    write: Annotated[bool, typer.Option("--write/--check", help="Rewrite the files, or only compare them.")],
    root: Annotated[Path, typer.Option(help="Checkout to work on.")] = _CHECKOUT,
) -> None:
    """Write or check the files made from the tensor contract."""
    files = generated_files()
    stale = stale_files(files, root)
    if write:
        write_files({path: files[path] for path in stale}, root)
    for path in stale:
        typer.echo(f"{'wrote' if write else 'stale, run make format:'} {path}")
    if stale and not write:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(_main)
