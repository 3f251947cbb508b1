"""Scores on labelled pictures in the network's frame, the papers' way: per image, cut at 0.5, inside the face mask.

What is marked always lies in the mask the system sees. ``whole`` scores it against the whole label, ``masked`` against
the label inside the mask: the papers leave open which they mean. Pixels without a meaning are not counted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wrinkle_core.errors import ArtifactError
from wrinkle_train.comparison.registry import comparison_system
from wrinkle_train.data.photo_dataset import SegmentationPhotos
from wrinkle_train.networks.deployable import Deployable
from wrinkle_train.scores.pixel_metrics import PixelCounts, SetScores, count_pixels, score_set

__all__ = ["Marker", "RecipeScores", "filter_marker", "network_marker", "read_scores", "score_photos", "write_scores"]

Marker = Callable[[SegmentationPhotos, int], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class RecipeScores:
    """Scores of one system on one set.

    Attributes:
        whole: Against whole labels.
        masked: Against labels inside the mask.
    """

    whole: SetScores
    masked: SetScores


def network_marker(network: Deployable) -> Marker:
    """Return the marks of a network: probability of at least 0.5."""
    network.eval()

    def mark(photos: SegmentationPhotos, index: int) -> NDArray[np.uint8]:
        pixels, _, _ = photos[index]
        with torch.inference_mode():
            probability = network.probability(pixels[None])[0]
        return (probability >= 0.5).numpy().astype(np.uint8)

    return mark


def filter_marker(name: str) -> Marker:
    """Return the marks of a comparison system at its recorded threshold.

    Raises:
        InvalidParameterError: There is no such system.
    """
    system = comparison_system(name)

    def mark(photos: SegmentationPhotos, index: int) -> NDArray[np.uint8]:
        frame = photos.frame(index)
        return system.mark(frame.rgb, frame.mask).mask

    return mark


def score_photos(
    mark: Marker, photos: SegmentationPhotos, on_photo: Callable[[int, int], None] | None = None
) -> RecipeScores:
    """Score a system on every picture of ``photos``.

    Args:
        mark: Gives its marks.
        photos: Labelled pictures, whole and unvaried.
        on_photo: Called with pictures done and pictures in all.
    """
    names = [record.id for record in photos.records]
    whole, masked = [], []
    for index in range(len(photos)):
        frame = photos.frame(index)
        assert frame.label is not None
        marked = mark(photos, index) * frame.mask
        whole.append(count_pixels(marked, frame.label, frame.weight))
        masked.append(count_pixels(marked, frame.label * frame.mask, frame.weight))
        if on_photo is not None:
            on_photo(index + 1, len(photos))
    return RecipeScores(score_set(names, whole), score_set(names, masked))


def write_scores(scores: RecipeScores, path: Path, data_sha256: str) -> Path:
    """Write the pixel counts of every picture, from which ``read_scores`` makes the same scores again.

    Args:
        scores: Of one system.
        path: JSON file.
        data_sha256: Names the pictures and labels scored on.
    """
    parts = (("whole", scores.whole), ("masked", scores.masked))
    counts = {kind: [{"name": one.name, **asdict(one.counts)} for one in part.images] for kind, part in parts}
    content = {"data_sha256": data_sha256, **counts}
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return path


def read_scores(path: Path, data_sha256: str) -> RecipeScores | None:
    """Return what ``write_scores`` wrote; None when there is no file, or its scores are of other pictures.

    Raises:
        ArtifactError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("data_sha256") != data_sha256:
            return None
        return RecipeScores(*(_scores(content[kind]) for kind in ("whole", "masked")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ArtifactError(f"{path.name} is damaged; remove it to score again.") from None


def _scores(rows: list[dict[str, int | str]]) -> SetScores:
    names = [str(row["name"]) for row in rows]
    counts = [PixelCounts(**{key: int(value) for key, value in row.items() if key != "name"}) for row in rows]
    return score_set(names, counts)
