"""What the system allows this process: cores, open files, processes, core dumps; and whether its clock is right."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tritonclient.grpc import model_config_pb2 as pb

from wrinkle_server.doctor.finding import Finding, judge
from wrinkle_server.triton.shared_memory import instances_of

__all__ = ["cpu_quota", "findings"]

_MIN_OPEN_FILES: Final = 4096
_MIN_PROCESSES: Final = 4096
_CLOCK_UNSYNCHRONISED: Final = 5
_TIMEX_BYTES: Final = 512  # struct timex has 208, zeroed: ask, change nothing


def findings(configs: Sequence[pb.ModelConfig]) -> Iterator[Finding]:
    """Yield one finding per limit, for the Python steps with these configurations."""
    yield _cores(configs)
    yield _count_limit("open files", resource.RLIMIT_NOFILE, _MIN_OPEN_FILES, "ulimit -n")
    yield _count_limit("processes and threads", resource.RLIMIT_NPROC, _MIN_PROCESSES, "ulimit -u")
    yield _core_dumps()
    yield _clock()


def cpu_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return how many cores' worth of time this container may use, None when nothing bounds it.

    Source: Linux cgroup-v2.rst, ``cpu.max``; sched-bwc.rst, ``cpu.cfs_quota_us``.
    """
    unified, quota_v1 = root / "cpu.max", root / "cpu" / "cpu.cfs_quota_us"
    if unified.is_file():
        quota, period = unified.read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    if quota_v1.is_file() and (quota := quota_v1.read_text(encoding="ascii").strip()) != "-1":
        return int(quota) / int((root / "cpu" / "cpu.cfs_period_us").read_text(encoding="ascii"))
    return None


def _cores(configs: Sequence[pb.ModelConfig]) -> Finding:
    seen, quota = len(os.sched_getaffinity(0)), cpu_quota()
    segmenters = [config for config in configs if "threads" in config.parameters]
    threads = max((int(one.parameters["threads"].string_value) or seen for one in segmenters), default=1)
    instances = max((instances_of(one) for one in configs if one not in segmenters), default=1)
    allowed = seen if quota is None else min(seen, quota)
    found = f"{allowed:g} usable of {seen}; {instances} processes per step, {threads} threads per segmenter"
    fits = max(1, int(allowed))
    remedy = f"More threads than cores slow each other down: --threads {fits} and --instances {fits} or less."
    return judge("cores", max(instances, threads) <= max(1.0, allowed), found, remedy, "warning")


def _count_limit(subject: str, which: int, least: int, command: str) -> Finding:
    soft, _ = resource.getrlimit(which)
    unlimited = soft == resource.RLIM_INFINITY
    remedy = f"Allow {least} or more with `{command}` or LimitNOFILE=, LimitNPROC= of the service."
    return judge(subject, unlimited or soft >= least, "unlimited" if unlimited else f"{soft:,}", remedy, "warning")


def _core_dumps() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    remedy = "A process that crashes would write the photographs in its memory to disk: `ulimit -c 0`."
    return judge("core dumps", soft == 0, "off" if soft == 0 else "on", remedy, "warning")


def _clock() -> Finding:
    """Ask the kernel whether its clock is kept right.

    Source: adjtimex(2): with ``modes`` 0 it changes nothing and needs no privilege.
    """
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    good = 0 <= state < _CLOCK_UNSYNCHRONISED
    remedy = "Keep it with NTP: certificates, traces and logs of several machines need the right time."
    return judge(
        "clock", good, "synchronised" if good else "not synchronised, or the kernel does not tell", remedy, "warning"
    )
