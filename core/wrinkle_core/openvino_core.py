"""OpenVINO without its telemetry, as ``ov``, and the one OpenVINO core of a process.

Whoever needs OpenVINO imports it from here: the first import in a process decides what it reports.

OpenVINO's CPU plugin gives the thread that loads it a signal stack and takes it away when the plugin is freed. With
several cores, freed in the order they were made, the thread keeps a stack that is no longer mapped; Python runs its
signal handlers there, and the next signal it handles kills the process. So there is one core, kept to the end.
"""

from __future__ import annotations

from functools import cache

from wrinkle_core.telemetry import telemetry_blocked

with telemetry_blocked():
    import openvino as ov

__all__ = ["openvino_core", "ov"]


@cache
def openvino_core() -> ov.Core:
    """Return the process's core; networks compiled with it may be used and freed in any order."""
    return ov.Core()
