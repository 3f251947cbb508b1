"""``wrinkle segment``: masks, overlays and figures for photographs, through a running server."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wrinkle_client.commands.connection_options import (
    CaFile,
    Model,
    Threshold,
    TimeoutS,
    TokenFile,
    Url,
    open_client,
    require_model,
)
from wrinkle_client.endpoint import DEFAULT_URL
from wrinkle_client.exit_codes import ExitCode, exit_code_of
from wrinkle_client.request import check_threshold
from wrinkle_core.contract import SEGMENTERS, segmenter
from wrinkle_core.errors import WrinkleError, error_codes

if TYPE_CHECKING:
    from wrinkle_client.batch_run.entry import Entry, RunOptions, WrittenFile
    from wrinkle_client.batch_run.photographs import Photograph
    from wrinkle_client.batch_run.run_folder import Ended
    from wrinkle_client.client import Client
    from wrinkle_client.result import OverlayStyle, SegmentationResult

from wrinkle_client.terminal.view import OutputFormat, open_view

__all__ = ["segment"]


class Overlay(str, Enum):
    """What ``--overlay`` takes."""

    CONTOUR = "contour"
    HEAT = "heat"
    SIDE_BY_SIDE = "side-by-side"
    NONE = "none"

    @property
    def style(self) -> OverlayStyle | None:
        """The style, None for no overlay."""
        return None if self is Overlay.NONE else self.value


def segment(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO", help="Image files, folders, videos, quoted patterns such as 'in/**/*.jpg', or - for stdin."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; made when missing.")],
    model: Model = SEGMENTERS[0].name,
    url: Url = DEFAULT_URL,
    threshold: Threshold = None,
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write the probability map, NAME-probability.png.")
    ] = False,
    overlay: Annotated[
        Overlay, typer.Option("--overlay", help="How NAME-overlay.png shows the lines; heat brings --probability.")
    ] = Overlay.CONTOUR,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders inside folders.")] = False,
    parallel: Annotated[
        int, typer.Option("--parallel", "-p", min=1, max=64, help="Photographs under way at a time.")
    ] = 4,
    output: Annotated[
        OutputFormat, typer.Option("--format", help="Tables, one JSON line per photograph, or errors only.")
    ] = OutputFormat.HUMAN,
    redo: Annotated[bool, typer.Option("--redo", help="Segment again what an earlier run has done.")] = False,
    every_s: Annotated[
        float | None, typer.Option("--every-s", help="Videos: seconds from one frame to the next; 1 if left out.")
    ] = None,
    every_n_frames: Annotated[
        int | None, typer.Option("--every-n-frames", help="Videos: frames from one to the next, instead.")
    ] = None,
    max_frames: Annotated[int, typer.Option("--max-frames", help="Videos: at most so many frames of each.")] = 100,
    shard_index: Annotated[int, typer.Option("--shard-index", min=0, help="This worker's shard, from 0.")] = 0,
    shard_count: Annotated[
        int, typer.Option("--shard-count", min=1, max=10_000, help="Workers that part the photographs among them.")
    ] = 1,
    timeout_s: TimeoutS = 60.0,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Find the wrinkles in photographs, with a running server.

    Writes NAME-mask.png, NAME-overlay.png and NAME.json per photograph, manifest.jsonl and summary.csv for all. A
    photograph that fails is reported and the others go on. Run the same command again after Ctrl-C, or with new
    photographs: only what is missing is done. Exit codes, the highest that applies: 0 all done, 1 a photograph cannot
    be segmented, 2 wrong usage, 3 no server, model or place to write, 4 the server failed; 130 Ctrl-C.
    """
    from wrinkle_client.batch_run.entry import RunOptions
    from wrinkle_client.batch_run.photographs import find_photographs
    from wrinkle_client.batch_run.run_folder import run_into_folder
    from wrinkle_client.batch_run.shards import photographs_of_shard
    from wrinkle_client.batch_run.video import FrameChoice

    segmenter(model)
    check_threshold(threshold)
    frames = FrameChoice(every_s, every_n_frames, max_frames)
    photographs = photographs_of_shard(
        find_photographs(photos, out, recursive=recursive, frames=frames), shard_index, shard_count
    )
    options = RunOptions(model, threshold, probability or overlay is Overlay.HEAT, overlay.value)
    with open_client(url, token_file, ca_file) as client, open_view(output, out) as view:
        require_model(client, model, timeout_s)
        work = partial(_segment_one, client, options, overlay.style, out, timeout_s)
        try:
            ended = run_into_folder(photographs, work, out, options, view, parallel=parallel, redo=redo)
        except OSError as error:
            if isinstance(error, WrinkleError):
                raise
            raise _cannot_write(out, error) from error
        view.ended(ended)
    _exit(ended, out)


def _segment_one(
    client: Client,
    options: RunOptions,
    style: OverlayStyle | None,
    out: Path,
    timeout_s: float,
    photograph: Photograph,
    content: Path | bytes,
) -> tuple[SegmentationResult, tuple[WrittenFile, ...]]:
    from wrinkle_client.batch_run.result_files import write_result_files

    result = client.segment(
        content,
        model=options.model,
        threshold=options.threshold,
        probability=options.probability,
        timeout_s=timeout_s,
    )
    return result, write_result_files(result, out, photograph.stem, style)


def _exit(ended: Ended, out: Path) -> None:
    """Leave with the code that says how the run ended."""
    if isinstance(ended.fatal, WrinkleError):
        raise ended.fatal
    if ended.fatal is not None:
        raise _cannot_write(out, ended.fatal) from ended.fatal
    if ended.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    code = max((_exit_code(entry) for entry in ended.entries), default=ExitCode.OK)
    if code:
        raise typer.Exit(code)


def _exit_code(entry: Entry) -> ExitCode:
    if entry.failure is None:
        return ExitCode.OK
    return exit_code_of(error_codes().get(entry.failure.code, WrinkleError)(entry.failure.message))


def _cannot_write(out: Path, error: OSError) -> typer.Exit:
    typer.secho(f"Cannot write to {out}: {error.strerror or error}.", fg=typer.colors.RED, err=True)
    return typer.Exit(ExitCode.ENVIRONMENT)
