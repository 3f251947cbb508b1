"""``wrinkle export verify``: does everything in a build folder answer as PyTorch does? Exit code 1 when it does not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_core.errors import ArtifactError, InvalidParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from wrinkle_export.artifacts.manifest import Source
    from wrinkle_export.parity.compare import Comparison
    from wrinkle_export.parity.gate import NetworkVerdict

__all__ = ["verify"]

_FIGURES = {
    "max Δp": ("max_difference", ".1e"),
    "mean Δp": ("mean_difference", ".1e"),
    "mask IoU": ("mask_iou", ".4f"),
    "F1 drop": ("f1_drop", "+.4f"),
}


def verify(
    build: Annotated[Path, typer.Argument(help="Build folder.")],
    networks: Annotated[list[str] | None, typer.Argument(help="Networks in it; all when none is named.")] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photographs; without it, the two that come with PyPI packages.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Folder of NAME_gt.png for NAME.jpg; without it, beside the photographs.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="safetensors a network was exported from; the bundled weights are found by themselves."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="http://HOST:PORT or grpc://HOST:PORT of a server to compare too.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Runtimes, by commas, such as onnx-fp16,openvino-bf16.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Largest number of photographs.")] = 40,
    report: Annotated[
        Path | None, typer.Option(help="Folder for report.json and, on failure, pictures; default BUILD-parity.")
    ] = None,
) -> None:
    """Compare every artifact, and the live ensemble, with PyTorch in FP32."""
    import json

    from rich.console import Console

    from wrinkle_core.landmarks import FaceLandmarker
    from wrinkle_core.parity_limits import ENOUGH_PICTURES, PARITY_LIMITS
    from wrinkle_export.artifacts.build_folder import BuildFolder
    from wrinkle_export.parity.candidates import candidates, common_source
    from wrinkle_export.parity.gate import reference_of
    from wrinkle_export.parity.gate import verify as verify_network
    from wrinkle_export.parity.pictures import packaged_photos, pictures_of, read_pictures, spec_of

    console = Console()
    folder = BuildFolder(build)
    names = networks or sorted({artifact.source.network for artifact in folder.manifest().artifacts.values()})
    if not names:
        raise ArtifactError(f"{build.name} holds no artifacts; run `wrinkle export onnx` first.")
    wanted = None if only is None else {part.strip() for part in only.split(",")}
    if wanted is not None and wanted - set(PARITY_LIMITS):
        raise InvalidParameterError(f"--only {only}: choose among {', '.join(PARITY_LIMITS)}.")
    references = []
    for name in names:
        source = common_source(folder, name)
        references.append(reference_of(source, _checkpoint_of(source, checkpoint or [])))
        candidates(folder, name, wanted)
    where = report or build.with_name(f"{build.resolve().name}-parity")
    landmarker = FaceLandmarker()
    verdicts: list[NetworkVerdict] = []
    for reference in references:
        spec = spec_of(reference.recipe)
        if photos is None:
            packaged = ((name, encoded, None) for name, encoded in packaged_photos().items())
            pictures = pictures_of(packaged, spec, landmarker, limit)
        else:
            pictures = read_pictures(photos, labels, spec, landmarker, limit)
        console.print(f"{reference.name}: {len(pictures.used)} photographs, PyTorch in FP32 is the reference")
        if len(pictures.used) < ENOUGH_PICTURES:
            console.print(
                f"  fewer than {ENOUGH_PICTURES}: masks may differ twice as much; give a folder with --photos"
            )
        if pictures.without_face:
            console.print(f"  no face found in {len(pictures.without_face)}: {', '.join(pictures.without_face)}")
        verdict = verify_network(
            folder,
            reference,
            pictures,
            where,
            url=url,
            only=wanted,
            on_comparison=lambda one: console.print(f"  {one.runtime}: {'passed' if one.passed else 'FAILED'}"),
        )
        verdicts.append(verdict)
    where.mkdir(parents=True, exist_ok=True)
    content = [verdict.as_json() for verdict in verdicts]
    (where / "report.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    _tell(console, verdicts, where)
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(1)


def _checkpoint_of(source: Source, given: list[Path]) -> Path | None:
    """Return the checkpoint with the sum that ``source`` names: one that was given, else one that is bundled."""
    from wrinkle_export.artifacts.manifest import sha256_of
    from wrinkle_export.bundle import bundled

    for path in given:
        if not path.is_file():
            raise InvalidParameterError(f"--checkpoint {path.name}: there is no such file.")
    there = [*given, *sorted(bundled("checkpoints").glob("*/*.safetensors"))]
    fitting = [path for path in there if sha256_of(path) == source.checkpoint_sha256]
    if fitting:
        return fitting[0]
    return given[0] if len(given) == 1 else None


def _tell(console: Console, verdicts: list[NetworkVerdict], where: Path) -> None:
    from rich.table import Column, Table

    table = Table(Column("network", no_wrap=True), Column("runtime", no_wrap=True), *_FIGURES, "")
    for verdict in verdicts:
        for one in verdict.comparisons:
            table.add_row(verdict.network, one.runtime, *_cells(one), "passed" if one.passed else "FAILED")
    console.print(table)
    for verdict in verdicts:
        for left_out in verdict.not_compared:
            console.print(f"not compared: {left_out.what}: {left_out.why}")
        for one in verdict.comparisons:
            for name in one.broken:
                console.print(
                    f"{verdict.network}, {one.runtime}: {name} is {one.figures[name]:.4g}, limit {one.limits[name]:.4g}"
                )
        for case in verdict.cases:
            console.print(f"see {case}: difference.png, reproduce.py", soft_wrap=True)
        if verdict.cases:
            console.print("These folders hold pictures of faces; keep them as you keep the photographs.")
    console.print(f"report: {where / 'report.json'}", soft_wrap=True)


def _cells(one: Comparison) -> list[str]:
    return [format(one.figures[name], form) if name in one.figures else "-" for name, form in _FIGURES.values()]
