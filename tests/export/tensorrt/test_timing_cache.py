from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tensorrt_graphs import L4
from wrinkle_export.tensorrt.builder_log import builder_log
from wrinkle_export.tensorrt.preflight import Gpu
from wrinkle_export.tensorrt.timing_cache import TimingCacheFile

pytestmark = pytest.mark.filterwarnings("ignore:Use Deprecated in TensorRT-RTX:DeprecationWarning")
RTX = import_module("tensorrt_rtx")


@pytest.fixture
def config() -> Any:
    return RTX.Builder(builder_log(RTX).logger).create_builder_config()


def test_timings_that_were_saved_are_loaded_by_the_next_build(tmp_path: Path, config: Any) -> None:
    timings = TimingCacheFile(tmp_path / "timings", L4, "tensorrt 10.13.0")
    assert not timings.load(config)
    timings.save(config)
    assert timings.path.stat().st_size > 0
    assert timings.load(config)


def test_saving_again_keeps_one_whole_file(tmp_path: Path, config: Any) -> None:
    timings = TimingCacheFile(tmp_path, L4, "tensorrt 10.13.0")
    timings.load(config)
    timings.save(config)
    timings.save(config)
    assert sorted(path.suffix for path in tmp_path.iterdir()) in ([".timing"], [".lock", ".timing"])


def test_a_damaged_file_counts_as_empty_and_is_replaced(tmp_path: Path, config: Any) -> None:
    timings = TimingCacheFile(tmp_path, L4, "tensorrt 10.13.0")
    timings.path.write_bytes(b"no timings " * 50)
    timings.load(config)
    timings.save(config)
    assert b"no timings" not in timings.path.read_bytes()


@pytest.mark.parametrize(
    ("gpu", "builder"),
    [(Gpu("NVIDIA L40S", "8.9", "12.4"), "tensorrt 10.13.0"), (L4, "tensorrt 11.0.0")],
    ids=["gpu", "version"],
)
def test_every_gpu_and_version_has_a_file_of_its_own(gpu: Gpu, builder: str, tmp_path: Path) -> None:
    assert TimingCacheFile(tmp_path, gpu, builder).path != TimingCacheFile(tmp_path, L4, "tensorrt 10.13.0").path
