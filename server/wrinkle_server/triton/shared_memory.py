"""How much shared memory the Python steps of a repository need, and whether this machine has it.

Every Python step has a region of its own in ``/dev/shm`` that begins at 1 MiB, grows to what passes through it, and
never shrinks. *Measured* on Triton 2.51: under load an instance holds the tensors of two calls at once, because the
next request is copied in while the answer of the last one is still read. Hence the rule, summed over Python models::

    instances x loaded versions x (1 MiB + 2 x bytes of all tensors of one full batch)

and once more the largest model, for a model that is loaded anew starts before the old one ends. ``IMAGE`` counts as the
largest photograph that is taken, a PNG as one byte (1-bit: one eighth) for each of its pixels.

Source: Triton python_backend README.md, ``shm-default-byte-size``; measured with photographs of 19 MiB and 40 Mpx.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES, DEFAULT_MAX_PIXELS, SEGMENTERS, TensorContract, model
from wrinkle_core.errors import ServerStartError
from wrinkle_core.report import MAX_REPORT_BYTES
from wrinkle_export.repository.config_file import CONFIG_FILE, read_config
from wrinkle_server.triton.leftovers import SHARED_MEMORY

__all__ = [
    "SharedMemoryNeed",
    "free_shared_memory_bytes",
    "instances_of",
    "photo_limits",
    "python_configs",
    "require_shared_memory",
    "shared_memory_need",
]

_REGION_BYTES: Final = 2**20
_CALLS_AT_ONCE: Final = 2
_SMALL_PHOTO_BYTES: Final = 2**20
_GEOMETRY_BYTES: Final = 16 * 1024
_MAX_INPUT: Final = max(len(spec.channels) * spec.input_px**2 for spec in SEGMENTERS)
_MAX_PROBABILITY: Final = max(spec.input_px**2 for spec in SEGMENTERS)


@dataclass(frozen=True, slots=True)
class SharedMemoryNeed:
    """What the Python steps of one repository need in ``/dev/shm``.

    Attributes:
        least_bytes: To start and to answer photographs of up to 1 MiB one by one.
        most_bytes: For the largest photographs that are taken, under load, with one model being loaded anew.
    """

    least_bytes: int
    most_bytes: int


def python_configs(repository: Path) -> tuple[pb.ModelConfig, ...]:
    """Return the configurations of a repository's models that run as Python steps.

    Raises:
        ArtifactError: One cannot be read.
    """
    folders = sorted(file.parent for file in repository.glob(f"*/{CONFIG_FILE}"))
    return tuple(config for folder in folders if (config := read_config(folder)).backend == "python")


def shared_memory_need(configs: Sequence[pb.ModelConfig]) -> SharedMemoryNeed:
    """Return what the Python steps with these configurations need."""
    limits = photo_limits(configs)
    most = [
        instances_of(config) * (_REGION_BYTES + _CALLS_AT_ONCE * _batch(config) * _call_bytes(config, *limits))
        for config in configs
    ]
    small = (_SMALL_PHOTO_BYTES, _SMALL_PHOTO_BYTES)
    least = [instances_of(config) * (_REGION_BYTES + _call_bytes(config, *small)) for config in configs]
    return SharedMemoryNeed(sum(least), sum(most) + max(most, default=0))


def instances_of(config: pb.ModelConfig) -> int:
    """Return how many processes run a Python model, all loaded versions together."""
    versions = max(1, len(config.version_policy.specific.versions))
    return versions * sum(int(group.count) for group in config.instance_group)


def photo_limits(configs: Sequence[pb.ModelConfig]) -> tuple[int, int]:
    """Return the largest photograph that a repository takes: bytes of the file, pixels."""
    encoded, pixels = [], []
    for config in configs:
        if "max_encoded_bytes" in config.parameters:
            encoded.append(int(config.parameters["max_encoded_bytes"].string_value))
            pixels.append(int(config.parameters["max_pixels"].string_value))
    return max(encoded, default=DEFAULT_MAX_ENCODED_BYTES), max(pixels, default=DEFAULT_MAX_PIXELS)


def free_shared_memory_bytes() -> int:
    """Return how much is free in ``/dev/shm``.

    Raises:
        ServerStartError: There is none.
    """
    if not SHARED_MEMORY.is_dir():
        raise ServerStartError("There is no /dev/shm, through which Triton talks to its Python steps; mount a tmpfs.")
    return shutil.disk_usage(SHARED_MEMORY).free


def require_shared_memory(repository: Path) -> str:
    """Check that a repository's steps can start here.

    Returns:
        What may go wrong under load; empty when there is enough for everything.

    Raises:
        ArtifactError: A configuration cannot be read.
        ServerStartError: There is too little to start.
    """
    need, free = shared_memory_need(python_configs(repository)), free_shared_memory_bytes()
    remedy = f"give it {_mib(need.most_bytes)} MiB, in containers with --shm-size, or lower --instances"
    if free < need.least_bytes:
        raise ServerStartError(
            f"/dev/shm has {_mib(free)} MiB free and the steps need {_mib(need.least_bytes)} MiB to start; {remedy}."
        )
    if free < need.most_bytes:
        return f"/dev/shm has {_mib(free)} MiB free; large photographs under load may fail: {remedy}."
    return ""


def _batch(config: pb.ModelConfig) -> int:
    return max(1, int(config.max_batch_size))


def _call_bytes(config: pb.ModelConfig, max_encoded_bytes: int, max_pixels: int) -> int:
    contract = model(config.name)
    return sum(_tensor_bytes(one, max_encoded_bytes, max_pixels) for one in (*contract.inputs, *contract.outputs))


def _tensor_bytes(tensor: TensorContract, max_encoded_bytes: int, max_pixels: int) -> int:
    """Return the most bytes of one tensor; the axes without a fixed length are bounded by what they hold."""
    if -1 not in tensor.dims:
        return math.prod(tensor.dims)  # all of them are UINT8
    return {
        "IMAGE": max_encoded_bytes,
        "GEOMETRY": _GEOMETRY_BYTES,
        "INPUT": _MAX_INPUT,
        "PROBABILITY": _MAX_PROBABILITY,
        "MASK_PNG": max_pixels // 8,
        "SKIN_MASK_PNG": max_pixels // 8,
        "PROBABILITY_PNG": max_pixels,
        "REPORT_JSON": MAX_REPORT_BYTES,
    }[tensor.name]


def _mib(count: int) -> int:
    return math.ceil(count / 2**20)
