"""What a failing gate leaves behind: where the masks differ, and a script that shows it again.

Orange: only PyTorch marks it. Blue: only the candidate does. Grey: both do.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from wrinkle_core.decode import decode_image
from wrinkle_export.parity import reproduce
from wrinkle_export.parity.compare import InPhotograph, PictureDifference
from wrinkle_export.parity.pictures import Picture

__all__ = ["Case", "mask_difference", "probability_difference", "remove_cases", "write_case"]

_ONLY_REFERENCE_RGB: Final = (230, 159, 0)
_ONLY_CANDIDATE_RGB: Final = (86, 180, 233)
_BOTH_RGB: Final = (140, 140, 140)
_DIMMED: Final = 0.35
_MARGIN: Final = 0.08  # of the face's size
_MIN_SIDE_PX: Final = 640
_NOTICE: Final = (
    "These folders hold photographs of faces: difference.png shows one, case.npz holds what the network saw of it, or "
    "the whole photograph. Keep them as you keep the photographs; delete them when the difference is understood.\n\n"
    "difference.png: orange is marked by PyTorch only, blue by the candidate only, grey by both.\n"
    "reproduce.py: shows the difference again; `python reproduce.py`.\n"
)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One photograph on which a candidate failed.

    Attributes:
        runtime: Key of the limits.
        picture: The photograph.
        found: The figures.
        engine: ``onnxruntime``, ``openvino`` or ``live``.
        target: File that was run, or the server's address.
        hint: OpenVINO's precision hint.
        image_rgb: (H, W, 3) uint8, where they differ.
        probability: What PyTorch says, float32.
        levels: What PyTorch says, uint8.
    """

    runtime: str
    picture: Picture
    found: PictureDifference
    engine: str
    target: Path | str
    hint: str
    image_rgb: NDArray[np.uint8]
    probability: NDArray[np.float32]
    levels: NDArray[np.uint8]


def write_case(case: Case, report: Path, network: str) -> Path:
    """Write picture, tensors and script; return their folder.

    Args:
        case: The failure.
        report: Folder of the whole report.
        network: What the build folder calls it.
    """
    folder = report / network / case.runtime / case.picture.name
    folder.mkdir(parents=True, exist_ok=True)
    (report / "THESE-ARE-FACES.txt").write_text(_NOTICE, encoding="utf-8")
    cv2.imwrite(str(folder / "difference.png"), cv2.cvtColor(case.image_rgb, cv2.COLOR_RGB2BGR))
    is_live = case.engine == "live"
    seen = np.frombuffer(case.picture.encoded, np.uint8) if is_live else case.picture.network_input
    tensors: dict[str, Any] = {"photograph" if is_live else "network_input": seen}
    np.savez_compressed(folder / "case.npz", probability=case.probability, levels=case.levels, **tensors)
    spec = case.picture.geometry.segmenter
    target = case.target if isinstance(case.target, str) else Path(os.path.relpath(case.target, folder)).as_posix()
    facts = {
        "runtime": case.runtime,
        "picture": case.picture.name,
        "engine": case.engine,
        "target": target,
        "hint": case.hint,
        "ensemble": spec.ensemble,
        "threshold_level": math.ceil(round(255.0 * spec.default_threshold, 6)),
        "max_difference": case.found.max_difference,
        "max_level_difference": case.found.max_level_difference,
    }
    (folder / "case.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(reproduce.__file__, folder / "reproduce.py")
    return folder


def remove_cases(report: Path, network: str) -> None:
    """Remove the cases that an earlier run left for a network, and nothing else."""
    for case in sorted((report / network).glob("*/*/case.json")):
        shutil.rmtree(case.parent)


def mask_difference(picture: Picture, reference: InPhotograph, candidate: InPhotograph) -> NDArray[np.uint8]:
    """Return the dimmed face with both masks over it, (H, W, 3) uint8 RGB."""
    image = (decode_image(picture.encoded) * _DIMMED).astype(np.uint8)
    wanted, found = reference.mask > 0, candidate.mask > 0
    image[wanted & found] = _BOTH_RGB
    image[wanted & ~found] = _ONLY_REFERENCE_RGB
    image[found & ~wanted] = _ONLY_CANDIDATE_RGB
    return _enlarged(image[_face(picture)])


def probability_difference(
    picture: Picture, reference: NDArray[np.float32], candidate: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return the dimmed network input, blue where probabilities differ, the largest difference brightest.

    Args:
        picture: The photograph.
        reference: (1, S, S).
        candidate: (1, S, S).

    Returns:
        (S, S, 3) uint8 RGB, enlarged when small.
    """
    face = picture.network_input[0, :3].transpose(1, 2, 0) * _DIMMED
    apart = np.nan_to_num(np.abs(candidate[0] - reference[0]), nan=1.0, posinf=1.0)[..., np.newaxis]
    share = apart / max(float(apart.max()), np.finfo(np.float32).tiny)
    return _enlarged((face * (1 - share) + np.array(_ONLY_CANDIDATE_RGB) * share).astype(np.uint8))


def _face(picture: Picture) -> tuple[slice, slice]:
    landmarks_xy = picture.geometry.landmarks_xy
    margin = _MARGIN * float(np.ptp(landmarks_xy, axis=0).max())
    low = np.floor(np.maximum(landmarks_xy.min(axis=0) - margin, 0)).astype(int)
    high = np.ceil(landmarks_xy.max(axis=0) + margin).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    times = math.ceil(_MIN_SIDE_PX / max(image.shape[:2]))
    size = (image.shape[1] * times, image.shape[0] * times)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8) if times > 1 else image
