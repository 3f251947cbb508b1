from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from line_batches import LineBatches
from wrinkle_train.batches.loader import training_loader
from wrinkle_train.recipe import TrainRecipe

SCRIPT = """
import json, os, sys
from itertools import islice
from pathlib import Path

import torch

from line_batches import LineBatches
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.batches.loader import training_loader
from wrinkle_train.recipe import TrainRecipe


class NotedBatches(LineBatches):
    def batch(self, number):
        (Path(sys.argv[1]) / f"{number}-{os.getpid()}").touch()
        return super().batch(number)


if __name__ == "__main__":
    FaceLandmarker()  # the parent's thread pools exist, as before a training run
    torch.rand(256, 256) @ torch.rand(256, 256)
    train = TrainRecipe(steps=9, batch_size=2, crop_px=64, workers=2)
    parts = list(islice(training_loader(NotedBatches(), train, 3), 6))
    print(json.dumps([[number, int(batch.pixels.sum())] for number, batch in parts]))
"""


def _parts(count: int, accumulate: int = 1) -> list[tuple[int, Any]]:
    train = TrainRecipe(steps=9, batch_size=2, crop_px=64, accumulate=accumulate)
    return list(islice(training_loader(LineBatches(), train, 3), count))


def complaints(errors: str) -> list[str]:
    """Return the lines that matter.

    Python ends without waiting for the threads of its queues. One of them may have removed a semaphore and not said so
    yet to the tracker, which then warns of a leak and finds nothing to remove (seen once, Python 3.11). A semaphore
    that is still there, so really leaked, is a complaint.
    """
    leaked = sum(int(count) for count in re.findall(r"appear to be (\d+) leaked semaphore", errors))
    gone = len(re.findall(r"resource_tracker: '/mp-\w+': \[Errno 2\]", errors))
    if leaked != gone:
        return errors.splitlines()
    return [line for line in errors.splitlines() if not ("resource_tracker" in line or "warnings.warn(" in line)]


def test_two_workers_give_the_batches_of_none_make_each_once_and_end_cleanly(tmp_path: Path) -> None:
    script, notes = tmp_path / "load.py", tmp_path / "notes"
    script.write_text(SCRIPT, "utf-8")
    notes.mkdir()
    done = subprocess.run(
        [sys.executable, str(script), str(notes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert complaints(done.stderr) == []
    expected = [[number, int(batch.pixels.sum())] for number, batch in _parts(6)]
    assert json.loads(done.stdout) == expected
    makers = [note.name.partition("-") for note in notes.iterdir()]
    assert len({number for number, _, _ in makers}) == len(makers)
    assert len({process for _, _, process in makers}) == 2


def test_accumulated_parts_are_the_cut_batch_under_numbers_of_their_own() -> None:
    (first, one), (second, other) = _parts(2, accumulate=2)
    assert (first, second) == (6, 7)
    ((_, whole),) = _parts(1)
    assert torch.equal(torch.cat([one.pixels, other.pixels]), whole.pixels)


def test_processes_take_batches_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    numbers = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        numbers.append([number for number, _ in _parts(3)])
    assert numbers == [[6, 8, 10], [7, 9, 11]]
