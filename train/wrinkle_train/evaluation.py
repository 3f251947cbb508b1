"""Accuracy on the frozen evaluation set, in photograph pixels, through the full serving path.

Truth files are ``FACE_MASK_gt.png`` beside ``FACE_MASK.jpg``; ``FACE_base.jpg`` is the same face with nothing rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.errors import ContractError, NoFaceError
from wrinkle_train.metrics import grown, score_mask
from wrinkle_train.scores.validation_set import RenderedPhoto
from wrinkle_train.served import PhotoProbability, ServedSegmenter, cut

__all__ = ["EvaluationScores", "choose_threshold", "evaluate", "validation_curve"]

_WRINKLED_FACES: Final = ("097", "099")
_THRESHOLDS: Final = tuple(round(0.02 * n, 2) for n in range(1, 46))


@dataclass(frozen=True, slots=True)
class EvaluationScores:
    """Per-image means over the evaluation set.

    Attributes:
        threshold: Where the probability was cut.
        pairs: Number of pictures.
        f1: Strict F1.
        iou: Strict intersection over union.
        precision: Strict.
        recall: Strict.
        tolerant_f1: F1 with 3 px tolerance.
        clean_f1: Strict F1 after taking away what is marked on the base outside the truth.
        masked_f1: Strict F1 against the truth inside the segmenter's skin mask.
        false_positive_percent: Share of the skin mask marked on bases of smooth faces, mean, percent.
        far_percent: Share of the marked pixels that lie farther than 3 px from the truth, mean, percent.
        far_on_base_percent: Share of the marked pixels that do and lie within 3 px of a mark on the base: lines and
            things that the face has of its own, mean, percent.
    """

    threshold: float
    pairs: int
    f1: float
    iou: float
    precision: float
    recall: float
    tolerant_f1: float
    clean_f1: float
    masked_f1: float
    false_positive_percent: float
    far_percent: float
    far_on_base_percent: float

    def rounded(self) -> dict[str, float]:
        """Return the figures rounded for printing."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def evaluate(system: ServedSegmenter, folder: Path, threshold: float) -> EvaluationScores:
    """Score ``system`` on every pair of ``folder``.

    Raises:
        ContractError: The folder holds no pairs, a picture is missing, or no base shows a smooth face.
    """
    truths = sorted(folder.glob("*_gt.png"))
    if not truths:
        raise ContractError(f"{folder.name} holds no *_gt.png; give --data the folder that holds eval/.")
    _require_pictures(folder, truths)
    bases = {path.name[:3]: system.probability(path.read_bytes()) for path in sorted(folder.glob("*_base.jpg"))}
    rows = []
    for path in truths:
        truth = _read_truth(path)
        found = system.probability(path.with_name(path.name.replace("_gt.png", ".jpg")).read_bytes())
        marked = cut(found, threshold)
        scores = score_mask(marked, truth)
        on_base = cut(bases[path.name[:3]], threshold)
        clean = score_mask(marked * (1 - on_base * (1 - truth)), truth)
        masked = score_mask(marked, truth & found.skin)
        rows.append((scores, clean.f1, masked.f1, *_far_percent(marked, truth, on_base)))
    smooth = [found for name, found in bases.items() if name not in _WRINKLED_FACES]
    return EvaluationScores(
        threshold=threshold,
        pairs=len(rows),
        f1=fmean(row[0].f1 for row in rows),
        iou=fmean(row[0].iou for row in rows),
        precision=fmean(row[0].precision for row in rows),
        recall=fmean(row[0].recall for row in rows),
        tolerant_f1=fmean(row[0].tolerant_f1 for row in rows),
        clean_f1=fmean(row[1] for row in rows),
        masked_f1=fmean(row[2] for row in rows),
        false_positive_percent=fmean(_marked_percent(found, threshold) for found in smooth),
        far_percent=fmean(row[3] for row in rows),
        far_on_base_percent=fmean(row[4] for row in rows),
    )


def validation_curve(system: ServedSegmenter, photos: Sequence[RenderedPhoto]) -> dict[float, tuple[float, float]]:
    """Return mean strict and tolerant F1 on rendered validation photographs, by threshold.

    A photograph whose face is not found again after rendering is left out.

    Raises:
        ContractError: No photograph shows a face.
    """
    rows: dict[float, list[tuple[float, float]]] = {threshold: [] for threshold in _THRESHOLDS}
    for photo in photos:
        try:
            found = system.probability(photo.jpeg)
        except NoFaceError:
            continue
        for threshold, scores in rows.items():
            result = score_mask(cut(found, threshold), photo.truth)
            scores.append((result.f1, result.tolerant_f1))
    if not all(rows.values()):
        raise ContractError("No validation photograph shows a face; name a threshold in place of tuning one.")
    return {t: (fmean(s for s, _ in scores), fmean(s for _, s in scores)) for t, scores in rows.items()}


def choose_threshold(curve: dict[float, tuple[float, float]]) -> float:
    """Return the threshold with the best strict F1."""
    return max(curve, key=lambda threshold: curve[threshold][0])


def _require_pictures(folder: Path, truths: Sequence[Path]) -> None:
    """Raise before the first, slow inference where a picture is missing."""
    bases = {path.name[:3] for path in folder.glob("*_base.jpg")}
    for path in truths:
        photo, base = path.name.replace("_gt.png", ".jpg"), f"{path.name[:3]}_base.jpg"
        if not (folder / photo).is_file() or path.name[:3] not in bases:
            raise ContractError(f"{path.name} needs {photo} and {base} beside it; add them or take it out.")
    if not bases - set(_WRINKLED_FACES):
        raise ContractError(f"{folder.name} holds no base of a smooth face; add one to count false positives on.")


def _read_truth(path: Path) -> NDArray[np.uint8]:
    truth = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if truth is None:
        raise ContractError(f"{path.name} is no image.")
    return (np.asarray(truth) > 127).astype(np.uint8)


def _far_percent(
    marked: NDArray[np.uint8], truth: NDArray[np.uint8], on_base: NDArray[np.uint8]
) -> tuple[float, float]:
    far = marked * (1 - grown(truth))
    count = max(int(marked.sum()), 1)
    return 100.0 * float(far.sum()) / count, 100.0 * float((far & grown(on_base)).sum()) / count


def _marked_percent(found: PhotoProbability, threshold: float) -> float:
    return 100.0 * float(cut(found, threshold).sum()) / max(int(found.skin.sum()), 1)
