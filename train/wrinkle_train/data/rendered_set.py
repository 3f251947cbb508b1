"""The rendered data set: faces with drawn wrinkles in the FFHQ frame, as files, for use where FFHQ is not at hand.

Training faces meet training drawings, validation faces meet validation drawings in ``val`` and ``test``. Layout:
``images/ID.png``, ``masks/ID.png``, ``ignored/ID.png`` (lines too faint to see), ``splits/{train,val,test}.txt`` and
``manifest.json``. Scores on rendered wrinkles are not scores on real ones. Never commit the pictures.

Most photographs are smaller than the 1024 px frame: at 1024 a face is mostly enlarged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

import wrinkle_train.render
from wrinkle_core.alignment import ffhq_alignment
from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_train.data.fingerprint import files_sha256
from wrinkle_train.data.made_files import MANIFEST, MadeFile, MadeFiles, write_whole
from wrinkle_train.data.mask_folder import read_whole_masks
from wrinkle_train.data.records import FRAME_PX, PhotoRecord, ffhq_id
from wrinkle_train.data.splits import Splits, read_ids, write_ids
from wrinkle_train.recipe import RenderRecipe
from wrinkle_train.render.faces import Library
from wrinkle_train.render.scene import Canvas, render_scene

__all__ = ["SPLITS_FOLDER", "RenderedSetPlan", "library_sha256", "make_rendered_set", "read_rendered_set"]

SPLITS_FOLDER: Final = "splits"
_IMAGES: Final = "images"
_MASKS: Final = "masks"
_IGNORED: Final = "ignored"
_TRAIN_RENDERS: Final = RenderRecipe(median_depth=0.22, procedural_share=0.3, plain_share=0.05, distractor_share=0.4)
_TEST_RENDERS: Final = RenderRecipe(median_depth=0.22, procedural_share=0.15, plain_share=0.0, distractor_share=0.3)
_RECIPES: Final = {"train": _TRAIN_RENDERS, "val": _TEST_RENDERS, "test": _TEST_RENDERS}
_PNG_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class RenderedSetPlan:
    """What to render.

    Attributes:
        train: Pictures of the training part.
        val: Pictures of the validation part.
        test: Pictures of the test part.
        side_px: Side of the square pictures.
        seed: Decides everything.
    """

    train: int = 200
    val: int = 25
    test: int = 25
    side_px: int = FRAME_PX
    seed: int = 20_240_901

    def __post_init__(self) -> None:
        if min(self.train, self.val, self.test) < 1 or not 64 <= self.side_px <= 2048 or self.seed < 0:
            raise InvalidParameterError(
                f"Each part needs one picture or more, the side 64 to 2048 px and the seed 0 or more, got {self}."
            )

    def splits(self) -> Splits:
        """Return the ids of the three parts."""
        ids = tuple(ffhq_id(number) for number in range(self.train + self.val + self.test))
        return Splits(ids[: self.train], ids[self.train : -self.test], ids[-self.test :])


def make_rendered_set(
    train: Library,
    val: Library,
    data_sha256: str,
    plan: RenderedSetPlan,
    out: Path,
    on_photo: Callable[[int, int], None] | None = None,
) -> Path:
    """Render the set, or go on where a run that was stopped left off.

    Args:
        train: Faces and drawings of the training split.
        val: Faces and drawings of the validation split.
        data_sha256: Names the data both come from.
        plan: What to render.
        out: Folder.
        on_photo: Called with pictures done and pictures in all.

    Returns:
        The manifest.

    Raises:
        ArtifactError: The folder holds another set.
    """
    tools = {name: version(name) for name in ("numpy", "opencv-python-headless")}
    settings = {**asdict(plan), "data_sha256": data_sha256, "renderer_sha256": _renderer_sha256(), "tools": tools}
    made = MadeFiles(out, settings)
    parts = {"train": train, "val": val, "test": val}
    total = plan.train + plan.val + plan.test
    names: list[str] = []
    try:
        for part, ids in asdict(plan.splits()).items():
            write_ids(out / SPLITS_FOLDER / f"{part}.txt", ids)
            for name in ids:
                names += _make(made, parts[part], plan, part, name, data_sha256)
                if on_photo is not None:
                    on_photo(int(name) + 1, total)
        return made.finish(names)
    finally:
        made.close()


def _make(
    made: MadeFiles, library: Library, plan: RenderedSetPlan, part: str, name: str, data_sha256: str
) -> list[str]:
    """Render one picture unless its files are there, and return their names."""
    files = [f"{folder}/{name}.png" for folder in (_IMAGES, _MASKS, _IGNORED)]
    if not all(file in made.known and made.known[file].is_intact(made.folder) for file in files):
        planes = _render(library, plan, _RECIPES[part], int(name))
        for file, plane in zip(files, planes, strict=True):
            made.add(_write(made.folder, file, plane, f"{part} {int(name)}", data_sha256))
    return files


def read_rendered_set(root: Path, part: Literal["train", "val", "test"] | None = None) -> tuple[PhotoRecord, ...]:
    """Return the records of a rendered set, all or of one part, sorted by id.

    Raises:
        ContractError: The folder holds no finished set.
    """
    if not (root / MANIFEST).is_file():
        raise ContractError(f"{root.name} holds no finished rendered set; make one with `wrinkle rendered-set`.")
    records = read_whole_masks(root / _IMAGES, root / _MASKS, ignored=root / _IGNORED)
    if part is None:
        return records
    wanted = set(read_ids(root / SPLITS_FOLDER / f"{part}.txt"))
    return tuple(record for record in records if record.id in wanted)


def library_sha256(data: Path) -> str:
    """Return one hash of the tables, faces and drawings of a data folder."""
    files = [*data.glob("*.csv"), *data.glob("faces/*.jpg"), *data.glob("wrinkle_masks/*.png")]
    return files_sha256((str(path.relative_to(data)), path) for path in files)


def _renderer_sha256() -> str:
    """Return a hash of the renderer's source: another renderer makes another set."""
    folder = Path(wrinkle_train.render.__path__[0])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()


def _render(
    library: Library, plan: RenderedSetPlan, recipe: RenderRecipe, number: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return picture (S, S, 3) RGB, mask and ignored pixels (S, S) {0, 255}."""
    rng = np.random.default_rng((plan.seed, number))
    face = library.faces[rng.integers(len(library.faces))]
    side = plan.side_px
    canvas = Canvas(ffhq_alignment(face.landmarks_xy, side), side, side, side / FRAME_PX)
    scene = render_scene(library, face, canvas, recipe, rng)
    return scene.image_rgb, scene.wrinkle * np.uint8(255), scene.ignored * np.uint8(255)


def _write(out: Path, file: str, plane: NDArray[np.uint8], source: str, source_sha256: str) -> MadeFile:
    pixels = plane[..., ::-1] if plane.ndim == 3 else plane
    _, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels), [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    content = encoded.tobytes()
    return MadeFile(file, source, source_sha256, write_whole(out / file, content), len(content))
