from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wrinkle_core.errors import ContractError
from wrinkle_core.step_timings import STAMP_LENGTH, PreprocessStamp, StepTimings, timings_at_threshold

STAMP = "from wrinkle_core.step_timings import PreprocessStamp; print(PreprocessStamp.since(0.0).ended_us)"
moments_us = st.integers(1, 2**48 - 1)


@given(ended_us=moments_us, duration_ms=st.floats(0, 60_000, width=32))
def test_a_moment_travels_as_float32_without_losing_a_microsecond(ended_us: int, duration_ms: float) -> None:
    stamp = PreprocessStamp(duration_ms, ended_us)
    packed = stamp.pack()
    assert packed.shape == (STAMP_LENGTH,)
    assert packed.dtype == np.float32
    assert PreprocessStamp.unpack(packed) == stamp


def test_zeros_are_no_stamp() -> None:
    assert PreprocessStamp.unpack(np.zeros(STAMP_LENGTH, np.float32)) is None


@pytest.mark.parametrize(
    "values",
    [(-1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 0.5), (1.0, 2.0**24, 1.0), (1.0, 1.0, 3e38), (3e38, 1.0, 1.0)],
)
def test_values_that_are_no_stamp_are_a_contract_error(values: tuple[float, ...]) -> None:
    with pytest.raises(ContractError, match="stamp"):
        PreprocessStamp.unpack(np.asarray(values, np.float32))


def test_the_threshold_step_tells_how_long_the_others_took() -> None:
    began_s = time.monotonic()
    time.sleep(0.02)
    stamp = PreprocessStamp.unpack(PreprocessStamp.since(began_s).pack())
    time.sleep(0.03)
    threshold_began_s = time.monotonic()
    time.sleep(0.01)
    timings = timings_at_threshold(stamp, threshold_began_s)
    all_ms = 1e3 * (time.monotonic() - began_s)
    assert timings.preprocess_ms is not None
    assert timings.segment_ms is not None
    assert timings.threshold_ms is not None
    assert timings.preprocess_ms >= 20
    assert timings.segment_ms >= 30
    assert timings.threshold_ms >= 10
    assert timings.preprocess_ms + timings.segment_ms + timings.threshold_ms <= all_ms + 0.1


def test_without_a_stamp_only_the_last_step_is_known() -> None:
    timings = timings_at_threshold(None, time.monotonic())
    assert (timings.preprocess_ms, timings.segment_ms) == (None, None)
    assert timings.threshold_ms is not None


@pytest.mark.parametrize("late_s", [60, -2 * 3600, 2**27])
def test_a_stamp_of_the_future_or_of_another_clock_leaves_the_segmenter_unknown(late_s: int) -> None:
    began_s = time.monotonic()
    ended_us = (PreprocessStamp.since(began_s).ended_us + late_s * 1_000_000) % 2**48
    timings = timings_at_threshold(PreprocessStamp(4.0, ended_us), began_s)
    assert timings.preprocess_ms == 4.0
    assert timings.segment_ms is None


def test_the_moment_does_not_tell_since_when_the_machine_runs_yet_its_processes_agree() -> None:
    uptime_us = time.monotonic() * 1e6
    here_us = PreprocessStamp.since(0.0).ended_us
    there_us = int(subprocess.run([sys.executable, "-c", STAMP], capture_output=True, check=True, timeout=60).stdout)
    assert abs(here_us - uptime_us) > 1e6
    assert 0 < (there_us - here_us) % 2**48 < 60e6


def test_timings_nobody_measured_are_none() -> None:
    assert StepTimings() == StepTimings(None, None, None)
