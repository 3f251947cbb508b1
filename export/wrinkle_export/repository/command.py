"""``wrinkle export repository``: a folder that Triton can serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, cast, get_args

import typer
from rich.console import Console

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import InvalidParameterError
from wrinkle_export.repository.assemble import assemble_repository
from wrinkle_export.repository.choice import chosen_networks
from wrinkle_export.repository.deployment import PRODUCTION, Deployment, Device, Runtime

__all__ = ["repository"]

_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)
_DEFAULTS: Final = Deployment("openvino")
_MIB: Final = 2**20
_MEGAPIXEL: Final = 1_000_000


def repository(
    target: Annotated[Path, typer.Argument(help="Folder to make, or to replace when it was assembled before.")],
    runtime: Annotated[str, typer.Option(help="tensorrt, onnxruntime or openvino.")] = "openvino",
    build: Annotated[
        Path | None, typer.Option("--build", "-b", help="Build folder of `wrinkle export`; else the bundled weights.")
    ] = None,
    models: Annotated[str, typer.Option(help="Segmenters, separated by commas.")] = _ALL,
    onnx: Annotated[list[str] | None, typer.Option(metavar="NAME=PATH", help="An ONNX file served as it is.")] = None,
    precision: Annotated[
        str, typer.Option(help="openvino: auto, f32, bf16, int8. onnxruntime: auto, fp16, fp32. tensorrt: built in.")
    ] = "auto",
    device: Annotated[
        str | None, typer.Option(help="onnxruntime: gpu or cpu. tensorrt is gpu, openvino is cpu.")
    ] = None,
    gpu: Annotated[list[str] | None, typer.Option(help="tensorrt: only plans for this GPU, by its name.")] = None,
    model_version: Annotated[int, typer.Option(min=1, max=2**31 - 1, help="Triton version of every model.")] = 1,
    preprocess_instances: Annotated[int, typer.Option(min=1, max=64, help="Processes per preprocessor.")] = 2,
    segmenter_instances: Annotated[int, typer.Option(min=1, max=16, help="Execution copies per segmenter.")] = 1,
    threshold_instances: Annotated[int, typer.Option(min=1, max=64, help="Processes of the threshold step.")] = 2,
    threads: Annotated[int, typer.Option(min=0, max=1024, help="CPU threads per copy; 0 is every core.")] = 0,
    queue_delay_us: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="How long a segmenter's batcher waits for more requests.")
    ] = 0,
    max_waiting: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            help="Requests ahead of a segmenter from which on more are refused.",
            show_default=f"{_DEFAULTS.max_waiting}, {PRODUCTION.max_waiting} on a GPU",
        ),
    ] = None,
    max_queue_size: Annotated[
        int, typer.Option(min=1, max=10_000, help="Requests that may wait for each step.")
    ] = _DEFAULTS.max_queue_size,
    max_encoded_mib: Annotated[int, typer.Option(min=1, max=1024, help="Largest photograph as a file, MiB.")] = (
        _DEFAULTS.max_encoded_bytes // _MIB
    ),
    max_pixels_mpx: Annotated[int, typer.Option(min=1, max=500, help="Largest photograph in megapixels.")] = (
        _DEFAULTS.max_pixels // _MEGAPIXEL
    ),
    cache_dir: Annotated[Path | None, typer.Option(help="Where the server keeps what OpenVINO compiled.")] = None,
) -> None:
    """Assemble a Triton model repository: checksums, contract and parity are checked first."""
    runs_on = device or ("gpu" if runtime == "tensorrt" else "cpu")
    for option, value, choices in (
        ("--runtime", runtime, get_args(Runtime)),
        ("--device", runs_on, get_args(Device)),
    ):
        if value not in choices:
            raise InvalidParameterError(f"{option} is one of {', '.join(choices)}, got {value!r}.")
    networks = chosen_networks(models, onnx or (), build, cast(Runtime, runtime), precision, gpu or ())
    deployment = Deployment(
        cast(Runtime, runtime),
        cast(Device, runs_on),
        preprocess_instances=preprocess_instances,
        segmenter_instances=segmenter_instances,
        threshold_instances=threshold_instances,
        threads=threads,
        cache_dir=str(cache_dir.resolve()) if cache_dir else "",
        queue_delay_us=queue_delay_us,
        max_waiting=max_waiting or (PRODUCTION if runs_on == "gpu" else _DEFAULTS).max_waiting,
        max_queue_size=max_queue_size,
        max_encoded_bytes=max_encoded_mib * _MIB,
        max_pixels=max_pixels_mpx * _MEGAPIXEL,
    )
    assemble_repository(target, networks, deployment, version=model_version)
    serve = (
        f"Serve it with `wrinkle serve --model-repository {target}`."
        if runtime == "openvino"
        else f"Serve it with NVIDIA's Triton: `tritonserver --model-repository {target}`."
    )
    Console(soft_wrap=True).print(f"Assembled {target} for {runtime}. {serve}")
