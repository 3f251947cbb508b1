from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from wrinkle_train.data.loader_workers import worker_settings
from wrinkle_train.data.photo_dataset import SampleOptions, SegmentationPhotos
from wrinkle_train.data.photo_frame import FrameOptions
from wrinkle_train.data.records import PhotoRecord

SCRIPT = """
import pickle, sys
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_train.data.loader_workers import worker_settings
from wrinkle_train.data.photo_dataset import segmentation_batch
from wrinkle_train.data.sample_order import SampleOrder

if __name__ == "__main__":
    photos = pickle.loads(Path(sys.argv[1]).read_bytes())
    FaceLandmarker().find(photos.frame(0).rgb)  # the parent's thread pools exist, as before a training run
    torch.rand(256, 256) @ torch.rand(256, 256)
    order = SampleOrder(len(photos), 2, seed=1, steps=4)
    loaded = [
        list(DataLoader(photos, batch_sampler=order, collate_fn=segmentation_batch, **worker_settings(workers)))
        for workers in (0, 2)
    ]
    assert len(loaded[1]) == 4
    for here, there in zip(*loaded, strict=True):
        for one, other in zip(here, there, strict=True):
            assert torch.equal(one, other)
    print("same batches")
"""


def test_two_workers_give_the_batches_of_none_and_end_cleanly(face_record: PhotoRecord, tmp_path: Path) -> None:
    photos = SegmentationPhotos([face_record] * 3, FrameOptions(256, "none"), SampleOptions("paper1", crop_px=64))
    (tmp_path / "photos.pickle").write_bytes(pickle.dumps(photos))
    script = tmp_path / "load.py"
    script.write_text(SCRIPT, "utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "photos.pickle")],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "same batches\n"), done.stderr
    assert not done.stderr


def test_no_workers_need_no_settings() -> None:
    assert worker_settings(0) == {"num_workers": 0}
