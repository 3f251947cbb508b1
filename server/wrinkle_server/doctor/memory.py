"""Memory and shared memory: what the settings need against what this machine or container has.

Resident memory is an estimate from peaks *measured* with the bundled weights: tritonserver 130 MiB; a preprocess step
200 MiB and 10 bytes for each pixel of a photograph of 40 Mpx; a threshold step 125 MiB and 2 bytes a pixel; a segmenter
copy 900 MiB, two photographs side by side. Once more the largest model is added, for a model that is loaded anew starts
before the old one ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_core.contract import model
from wrinkle_core.errors import WrinkleError
from wrinkle_server.doctor.finding import Finding, Verdict, judge
from wrinkle_server.supervision.memory import memory_limit_bytes
from wrinkle_server.triton.shared_memory import free_shared_memory_bytes, instances_of, photo_limits, shared_memory_need

__all__ = ["findings", "memory_need_bytes"]

_MIB: Final = 2**20
_SERVER_BYTES: Final = 130 * _MIB
_STEP_BYTES: Final = {"preprocess": 200 * _MIB, "segment": 900 * _MIB, "postprocess": 125 * _MIB}
_BYTES_PER_PIXEL: Final = {"preprocess": 10, "segment": 0, "postprocess": 2}


def findings(configs: Sequence[pb.ModelConfig]) -> Iterator[Finding]:
    """Yield one finding per kind of memory, for the Python steps with these configurations."""
    yield _shared_memory(configs)
    yield _memory(configs)


def memory_need_bytes(configs: Sequence[pb.ModelConfig]) -> int:
    """Return about how much resident memory a server with these Python steps needs."""
    _, max_pixels = photo_limits(configs)
    needs = []
    for config in configs:
        kind = model(config.name).kind
        needs.append(instances_of(config) * (_STEP_BYTES[kind] + _BYTES_PER_PIXEL[kind] * max_pixels))
    return _SERVER_BYTES + sum(needs) + max(needs, default=0)


def _shared_memory(configs: Sequence[pb.ModelConfig]) -> Finding:
    need = shared_memory_need(configs)
    try:
        free = free_shared_memory_bytes()
    except WrinkleError as error:
        return Finding("shared memory", "failure", "no /dev/shm", str(error))
    found = f"{_mib(free)} free; needs {_mib(need.least_bytes)} to start, {_mib(need.most_bytes)} for everything"
    remedy = f"Give /dev/shm {_mib(need.most_bytes)}, in containers with --shm-size, or lower --instances."
    bad: Verdict = "failure" if free < need.least_bytes else "warning"
    return judge("shared memory", free >= need.most_bytes, found, remedy, bad)


def _memory(configs: Sequence[pb.ModelConfig]) -> Finding:
    limit, need = memory_limit_bytes(), memory_need_bytes(configs)
    steps = sum(instances_of(config) for config in configs)
    found = f"{_mib(limit)} for this machine or container; {steps} steps need about {_mib(need)}"
    remedy = "Give it more memory, or lower --instances, --max-pixels-mpx or the number of --models."
    return judge("memory", limit >= need, found, remedy, "warning")


def _mib(count: int) -> str:
    return f"{-(-count // _MIB):,} MiB"
