"""``wrinkle evaluate``: score networks or comparison systems on the evaluation set, or on a labelled data set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import InvalidParameterError

if TYPE_CHECKING:
    from wrinkle_core.landmarks import FaceLandmarker
    from wrinkle_train.evaluation import EvaluationScores
    from wrinkle_train.scores.validation_set import RenderedPhoto
    from wrinkle_train.served import ServedSegmenter

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[
        str,
        typer.Argument(help="model.onnx, model.safetensors, a recipe, a comparison system, or `filters`: all of them."),
    ],
    data: Annotated[Path, typer.Option("--data", help="Folder with eval/ and faces.csv, or a data set.")] = Path(
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
    attributes: Annotated[
        Path | None, typer.Option("--attributes", help="CSV with id and age, sex, ...: also score per subgroup.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write the figures as JSON.")] = None,
) -> None:
    """Score a network or comparison systems on labelled faces.

    With a folder that holds eval/: in photograph pixels, through the serving path. Those faces are rendered, and scores
    on rendered wrinkles are not scores on real ones. With a data set (FFHQ with masks, or a rendered set): the papers'
    scores on its test pictures, cut at 0.5. A recipe must have been trained into runs/.
    """
    if (data / "eval").is_dir():
        if attributes is not None:
            raise InvalidParameterError("--attributes goes with a data set; eval/ says nothing about its people.")
        _on_photographs(model, data, segmenter, threshold, tune, out)
        return
    if threshold is not None or tune:
        raise InvalidParameterError(
            "--threshold and --tune go with a folder that holds eval/; data sets are cut at 0.5."
        )
    _on_data_set(model, data, attributes, out)


def _on_data_set(model: str, data: Path, attributes: Path | None, out: Path | None) -> None:
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from wrinkle_train.comparison.registry import SYSTEMS
    from wrinkle_train.data.attributes import read_attributes
    from wrinkle_train.scores.data_set import score_data_set, subgroup_scores

    table = None if attributes is None else read_attributes(attributes)
    console = Console()
    figures: dict[str, object] = {}
    for name in SYSTEMS if model == "filters" else (model,):
        scores = score_data_set(name, data).whole
        columns = {"all": scores}
        for column in table.columns if table is not None else ():
            groups = subgroup_scores(scores, table, column) if table is not None else {}
            columns |= {f"{column} {label}": group for label, group in groups.items()}
        shown = Table(Path(name).name, "pictures", *asdict(scores.mean))
        for label, group in columns.items():
            mean, deviation, pooled = asdict(group.mean), asdict(group.deviation), asdict(group.pooled)
            spread = (f"{value:.4f} ± {deviation[metric]:.3f}" for metric, value in mean.items())
            shown.add_row(label, str(len(group.images)), *spread)
            shown.add_row(f"{label}, pooled", "", *(f"{value:.4f}" for value in pooled.values()))
        console.print(shown)
        figures[Path(name).name] = {
            label: {"pictures": len(group.images), "mean": asdict(group.mean), "pooled": asdict(group.pooled)}
            for label, group in columns.items()
        }
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _on_photographs(
    model: str, data: Path, segmenter: str, threshold: float | None, tune: bool, out: Path | None
) -> None:
    from rich.console import Console
    from rich.table import Table

    from wrinkle_core.landmarks import FaceLandmarker as Landmarker
    from wrinkle_train.comparison.registry import SYSTEMS
    from wrinkle_train.evaluation import EvaluationScores as Scores
    from wrinkle_train.evaluation import choose_threshold, validation_curve
    from wrinkle_train.evaluation import evaluate as score
    from wrinkle_train.render.faces import read_library
    from wrinkle_train.scores.validation_set import validation_photos

    if model == "filters" and threshold is not None:
        raise InvalidParameterError(
            "Each comparison system has a threshold of its own; name one system with --threshold."
        )
    console = Console()
    landmarker = Landmarker()
    names = tuple(SYSTEMS) if model == "filters" else (model,)
    network = None if names[0] in SYSTEMS else _network(Path(model), segmenter, landmarker)
    photos = validation_photos(read_library(data, "val")) if tune and threshold is None else ()
    results: dict[str, EvaluationScores] = {}
    if network is None:
        for name in names:
            results[name] = _score_system(name, data / "eval", photos, threshold, landmarker)
            console.print(f"{name}: {SYSTEMS[name].threshold_meaning}: {results[name].threshold:g}.")
    else:
        chosen = network.spec.default_threshold if threshold is None else threshold
        if photos:
            curve = validation_curve(network, photos)
            chosen = choose_threshold(curve)
            console.print(f"{Path(model).name}: validation renders choose {chosen} (F1 {curve[chosen][0]:.3f}).")
        results[Path(model).name] = score(network, data / "eval", chosen)
    table = Table("score", *results)
    for figure in Scores.__dataclass_fields__:
        table.add_row(figure.replace("_", " "), *(f"{scores.rounded()[figure]:g}" for scores in results.values()))
    console.print(table)
    if out is not None:
        out.write_text(json.dumps({n: s.rounded() for n, s in results.items()}, indent=2) + "\n", encoding="utf-8")


def _score_system(
    name: str,
    folder: Path,
    photos: tuple[RenderedPhoto, ...],
    threshold: float | None,
    landmarker: FaceLandmarker,
) -> EvaluationScores:
    """Score a comparison system at the threshold given, else the one ``photos`` choose, else the recorded one."""
    from wrinkle_train.comparison.registry import comparison_system
    from wrinkle_train.comparison.serving import MASK_CUT, served
    from wrinkle_train.comparison.tuning import TUNING_PHOTOS, best
    from wrinkle_train.comparison.tuning import tune as tuned
    from wrinkle_train.evaluation import evaluate as score

    system = comparison_system(name)
    chosen = system.threshold if threshold is None else threshold
    if photos:
        chosen = best(tuned(system, photos[:TUNING_PHOTOS], landmarker))
    return replace(score(served(system, landmarker, threshold=chosen), folder, MASK_CUT), threshold=chosen)


def _network(path: Path, segmenter: str, landmarker: FaceLandmarker) -> ServedSegmenter:
    from wrinkle_train.comparison.registry import SYSTEMS
    from wrinkle_train.served import ServedSegmenter

    if path.suffix == ".onnx":
        return ServedSegmenter.from_onnx(segmenter, path, landmarker)
    if path.suffix == ".safetensors":
        return ServedSegmenter.from_weights(path, landmarker)
    raise InvalidParameterError(
        f"{path.name} is neither an .onnx nor a .safetensors file, nor `filters` or one of {', '.join(SYSTEMS)}."
    )
