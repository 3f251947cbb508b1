"""A step's activity file tells the supervisor what the step does, whatever state the file is in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wrinkle_server.steps.activity import Activity, ActivityPulse, read_activities

KEEPS_BUSY = """
import sys, time
from pathlib import Path
from wrinkle_server.steps.activity import Activity

activity = Activity(Path(sys.argv[1]), model="skin_mask", instance="skin_mask_0_0")
with activity.busy():
    print("busy", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hung_step(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", KEEPS_BUSY, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        yield process
        process.kill()


def test_idle_step_is_not_busy(tmp_path: Path) -> None:
    Activity(tmp_path, model="threshold", instance="threshold_0_1")
    (read,) = read_activities(tmp_path)
    assert (read.pid, read.model, read.busy_since_ns, read.busy_for_s, read.completed) == (
        os.getpid(),
        "threshold",
        0,
        0.0,
        0,
    )


def test_busy_step_is_busy_since_it_began_and_idle_again_afterwards(tmp_path: Path) -> None:
    activity = Activity(tmp_path, model="threshold", instance="threshold_0_1")
    before_ns = time.monotonic_ns()
    with activity.busy():
        (inside,) = read_activities(tmp_path)
    assert before_ns <= inside.busy_since_ns <= time.monotonic_ns()
    assert 0.0 < inside.busy_for_s < 10.0
    (after,) = read_activities(tmp_path)
    assert (after.busy_for_s, after.completed) == (0.0, 1)


def test_execution_that_raises_ends_too(tmp_path: Path) -> None:
    activity = Activity(tmp_path, model="threshold", instance="threshold_0_1")
    with pytest.raises(RuntimeError), activity.busy():
        raise RuntimeError
    (read,) = read_activities(tmp_path)
    assert (read.busy_for_s, read.completed) == (0.0, 1)


def test_each_request_of_a_batch_has_the_whole_limit_for_itself(tmp_path: Path) -> None:
    activity = Activity(tmp_path, model="threshold", instance="threshold_0_1")
    with activity.busy():
        (first,) = read_activities(tmp_path)
        activity.restart_clock()
        (second,) = read_activities(tmp_path)
    assert second.busy_since_ns > first.busy_since_ns


def test_step_that_hangs_is_seen_from_another_process(hung_step: subprocess.Popen[str], tmp_path: Path) -> None:
    time.sleep(0.05)
    (read,) = read_activities(tmp_path)
    assert (read.pid, read.model) == (hung_step.pid, "skin_mask")
    assert read.busy_for_s >= 0.05


def test_stopped_step_still_counts_and_a_killed_one_does_not(hung_step: subprocess.Popen[str], tmp_path: Path) -> None:
    hung_step.send_signal(signal.SIGSTOP)
    assert len(read_activities(tmp_path)) == 1
    hung_step.kill()
    os.waitid(os.P_PID, hung_step.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert read_activities(tmp_path) == ()
    hung_step.wait()
    assert read_activities(tmp_path) == ()


def test_successor_removes_the_file_of_a_killed_predecessor_of_the_same_instance_only(
    hung_step: subprocess.Popen[str], tmp_path: Path
) -> None:
    Activity(tmp_path, model="skin_mask", instance="skin_mask_0_0")
    assert len(read_activities(tmp_path)) == 2, "while a model is loaded again both live"
    hung_step.kill()
    hung_step.wait()
    Activity(tmp_path, model="skin_mask", instance="skin_mask_0_1")
    assert len(list((tmp_path / "steps").iterdir())) == 3
    (tmp_path / "steps" / f"skin_mask_0_0-{os.getpid()}.activity").unlink()
    Activity(tmp_path, model="skin_mask", instance="skin_mask_0_0")
    assert len(list((tmp_path / "steps").iterdir())) == 2


def test_file_of_a_process_whose_id_was_given_away_is_left_out(tmp_path: Path) -> None:
    Activity(tmp_path, model="skin_mask", instance="skin_mask_0_0")
    (path,) = (tmp_path / "steps").iterdir()
    content = bytearray(path.read_bytes())
    content[16] ^= 1  # started at another moment
    path.write_bytes(content)
    assert read_activities(tmp_path) == ()


def test_pulse_moves_when_a_request_is_taken_or_ended_and_at_no_other_time(tmp_path: Path) -> None:
    activity, pulse = Activity(tmp_path, model="threshold", instance="threshold_0_1"), ActivityPulse(tmp_path)
    with activity.busy():
        assert not pulse.moved()
    pulse.find_steps()
    pulse.moved()
    moved = [pulse.moved()]
    with activity.busy():
        moved += [pulse.moved(), pulse.moved()]
        activity.restart_clock()
        moved += [pulse.moved()]
    moved += [pulse.moved(), pulse.moved()]
    assert moved == [False, True, False, True, True, False]


def test_pulse_forgets_a_step_that_ended_and_passes_over_a_damaged_file(tmp_path: Path) -> None:
    activity, pulse = Activity(tmp_path, model="skin_mask", instance="skin_mask_0_0"), ActivityPulse(tmp_path)
    (tmp_path / "steps" / "skin_mask_0_1-1.activity").write_bytes(b"\xff" * 4096)
    (tmp_path / "steps" / "folder.activity").mkdir()
    pulse.find_steps()
    pulse.moved()
    activity.remove()
    pulse.find_steps()
    pulse.moved()
    with activity.busy():
        assert not pulse.moved()


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 4096, bytes(104)], ids=["empty", "byte", "ones", "zeros"])
def test_damaged_file_is_left_out(content: bytes, tmp_path: Path) -> None:
    Activity(tmp_path, model="skin_mask", instance="skin_mask_0_0")
    (tmp_path / "steps" / "skin_mask_0_1-1.activity").write_bytes(content)
    (tmp_path / "steps" / "folder.activity").mkdir()
    assert [read.model for read in read_activities(tmp_path)] == ["skin_mask"]


def test_file_cut_anywhere_is_left_out(tmp_path: Path) -> None:
    Activity(tmp_path, model="skin_mask", instance="skin_mask_0_0")
    (path,) = (tmp_path / "steps").iterdir()
    content = path.read_bytes()
    for end in range(len(content)):
        path.write_bytes(content[:end])
        assert read_activities(tmp_path) == ()


def test_step_that_ends_in_order_leaves_no_file(tmp_path: Path) -> None:
    activity = Activity(tmp_path, model="skin_mask", instance="skin_mask_0_0")
    activity.remove()
    assert list((tmp_path / "steps").iterdir()) == []


def test_step_without_a_run_folder_works_all_the_same(tmp_path: Path) -> None:
    activity = Activity(None, model="skin_mask", instance="skin_mask_0_0")
    with activity.busy():
        assert read_activities(tmp_path) == ()
    activity.remove()
