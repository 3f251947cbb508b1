"""Data loader workers that start and end cleanly.

Forked workers inherit locks of thread pools (OpenCV, OpenVINO, torch) whose threads do not exist in them. So workers
are spawned, and run OpenCV and torch on one thread each: the parent needs the processors.

Landmarks are found in the parent only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import cv2
import torch

__all__ = ["WorkerSettings", "start_worker", "worker_settings"]


class WorkerSettings(TypedDict, total=False):
    """Arguments of ``DataLoader`` that belong together."""

    num_workers: int
    multiprocessing_context: str
    worker_init_fn: Callable[[int], None]
    persistent_workers: bool
    prefetch_factor: int


def start_worker(_: int) -> None:
    """Prepare a worker process; pass it as ``worker_init_fn``."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def worker_settings(workers: int) -> WorkerSettings:
    """Return the ``DataLoader`` arguments for so many worker processes; 0 loads in the parent.

    A script that starts workers needs ``if __name__ == "__main__":``, as with every spawned process.
    """
    if workers == 0:
        return {"num_workers": 0}
    return {
        "num_workers": workers,
        "multiprocessing_context": "spawn",
        "worker_init_fn": start_worker,
        "persistent_workers": True,
        "prefetch_factor": 2,
    }
