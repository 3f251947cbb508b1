"""Folders as ``wrinkle segment`` leaves them, without a server: real pictures, a real manifest."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from wrinkle_client.batch_run.entry import Entry, Failure, Figures, RunOptions, WrittenFile
from wrinkle_client.batch_run.manifest import Manifest
from wrinkle_core.regions import REGIONS
from wrinkle_core.report import QualityWarning, RegionFigures

__all__ = ["write_run"]

KINDS = ("mask", "overlay", "probability")
_FAILURE = Failure("NO_FACE", "No face was found. Send another photograph.", False)


def write_run(
    folder: Path,
    names: Sequence[str],
    *,
    failed: Sequence[str] = (),
    side_px: int = 64,
    kinds: Sequence[str] = KINDS,
    stems: Sequence[str] = (),
) -> Path:
    """Write a run and return its folder; photograph number n has n % of wrinkled skin, every third a warning."""
    options = RunOptions("unetpp", None, True, "contour")
    folder.mkdir(parents=True)
    with Manifest(folder) as manifest:
        for number, name in enumerate(names):
            stem = stems[number] if stems else f"photo{number}"
            files = tuple(_write(folder, stem, kind, number, side_px) for kind in kinds)
            source = f"../originals/{stem}.png"
            manifest.append(Entry(name, stem, "1 bytes", source, options, files, _figures(number, side_px)))
        for name in failed:
            manifest.append(Entry(name, name, "1 bytes", None, options, failure=_FAILURE))
    return folder


def _write(folder: Path, stem: str, kind: str, number: int, side_px: int) -> WrittenFile:
    image = Image.new("RGB", (side_px, side_px), (210 - number % 7 * 20, 160 - number % 5 * 20, 130))
    if kind != "overlay":
        image = image.convert("1" if kind == "mask" else "L")
    encoded = io.BytesIO()
    image.save(encoded, "PNG")
    path = folder / f"{stem}-{kind}.png"
    path.write_bytes(encoded.getvalue())
    return WrittenFile(kind, path.name, path.stat().st_size)


def _figures(number: int, side_px: int) -> Figures:
    regions = [
        RegionFigures(region.name, 0.9, (number + place) / 1000, 1.5, 0.5, 1.0, 0.2)
        for place, region in enumerate(REGIONS)
    ]
    regions[-1] = RegionFigures(REGIONS[-1].name, 0.0, None, None, None, None, None)
    warnings = (QualityWarning("FACE_TOO_SMALL", "The face is 30 px high."),) if number % 3 == 0 else ()
    whole = RegionFigures("whole_face", 0.9, number / 100, float(np.sqrt(number)), 0.5, 1.0, 0.1)
    return Figures("1", 2, 0.52, side_px, side_px, whole, tuple(regions), warnings, 0.1)
