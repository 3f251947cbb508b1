"""``wrinkle evaluate``: score an ONNX file, weights, or the comparison filters on the evaluation set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from wrinkle_core.landmarks import FaceLandmarker
    from wrinkle_train.served import ServedSegmenter

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[str, typer.Argument(help="model.onnx, model.safetensors, or `filters`.")],
    data: Annotated[Path, typer.Option("--data", help="Folder that holds eval/ and faces.csv.")] = Path(
        "../shared/data"
    ),
    segmenter: Annotated[
        str, typer.Option("--segmenter", help=f"What an ONNX file is: {' or '.join(s.name for s in SEGMENTERS)}.")
    ] = SEGMENTERS[0].name,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="0 to 1; the contract's own if left out.")
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Choose the threshold on rendered validation photographs.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write the figures as JSON.")] = None,
) -> None:
    """Score a network on labelled faces, in photograph pixels, through the serving path.

    The faces are rendered: scores on rendered wrinkles are not scores on real ones.
    """
    from rich.console import Console
    from rich.table import Table

    from wrinkle_core.landmarks import FaceLandmarker as Landmarker
    from wrinkle_train.evaluation import EvaluationScores, choose_threshold, validation_curve
    from wrinkle_train.evaluation import evaluate as score
    from wrinkle_train.filters import FILTERS
    from wrinkle_train.render.faces import read_library
    from wrinkle_train.served import ServedSegmenter as Served
    from wrinkle_train.validation_set import validation_photos

    console = Console()
    landmarker = Landmarker()
    if model == "filters":
        systems = {name: Served("unetpp", run, landmarker) for name, run in FILTERS.items()}
    else:
        systems = {Path(model).name: _network(Path(model), segmenter, landmarker)}
    photos = validation_photos(read_library(data, "val")) if tune or model == "filters" else ()
    results: dict[str, EvaluationScores] = {}
    for name, system in systems.items():
        chosen = system.spec.default_threshold if threshold is None else threshold
        if photos and threshold is None:
            curve = validation_curve(system, photos)
            chosen = choose_threshold(curve)
            console.print(f"{name}: validation renders choose {chosen} (F1 {curve[chosen][0]:.3f}).")
        results[name] = score(system, data / "eval", chosen)
    table = Table("score", *results)
    for figure in EvaluationScores.__dataclass_fields__:
        table.add_row(figure.replace("_", " "), *(f"{scores.rounded()[figure]:g}" for scores in results.values()))
    console.print(table)
    if out is not None:
        out.write_text(json.dumps({n: s.rounded() for n, s in results.items()}, indent=2) + "\n", encoding="utf-8")


def _network(path: Path, segmenter: str, landmarker: FaceLandmarker) -> ServedSegmenter:
    from wrinkle_train.served import ServedSegmenter

    if path.suffix == ".onnx":
        return ServedSegmenter.from_onnx(segmenter, path, landmarker)
    if path.suffix == ".safetensors":
        return ServedSegmenter.from_weights(path, landmarker)
    raise InvalidParameterError(f"{path.name} is neither an .onnx nor a .safetensors file.")
