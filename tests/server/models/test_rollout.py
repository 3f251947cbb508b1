"""New versions in a running server: loaded, tried, promoted and taken back, and no request is lost."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from live_server import options_on_free_ports, serving, write_dark_line_network
from step_server import published
from wrinkle_core.contract import segmenter
from wrinkle_core.errors import (
    ArtifactError,
    InvalidParameterError,
    ModelNotReadyError,
    OverloadedError,
    ServerFaultError,
)
from wrinkle_export.repository.assemble import LOCK_FILE
from wrinkle_export.repository.served_network import ServedNetwork
from wrinkle_server.models.rollout import Rollout
from wrinkle_server.models.trial import version_answer
from wrinkle_server.running import RunningServer
from wrinkle_server.steps.pressure import PressureBoard
from wrinkle_server.supervision.canary import canary_photo
from wrinkle_server.supervision.canary_answer import CanaryAnswer
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = pytest.mark.live

CLIENTS = 3
UNETPP = segmenter("unetpp")


def dark_lines(folder: Path, *, flat_skin_logit: float) -> ServedNetwork:
    """Return a network; the lower ``flat_skin_logit``, the fewer wrinkles it marks."""
    path = folder / f"{flat_skin_logit}.onnx"
    return ServedNetwork.from_onnx(write_dark_line_network(UNETPP, path, flat_skin_logit=flat_skin_logit))


def ask(server: ModelServer) -> bytes:
    options = server.options
    return infer_raw(options.host, options.http_port, "wrinkle_unetpp", canary_photo(), 30.0)["MASK_PNG"]


@dataclass(frozen=True)
class Answer:
    """One answer of the server, and when it was asked for and came, by the monotonic clock."""

    asked_s: float
    came_s: float
    mask: bytes


@contextmanager
def traffic(server: ModelServer) -> Iterator[list[Answer]]:
    """Ask all the time; the answers are complete when the block ends."""
    answers: list[Answer] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            asked_s = time.monotonic()
            mask = ask(server)
            answers.append(Answer(asked_s, time.monotonic(), mask))

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients: list[Future[None]] = [pool.submit(keep_asking) for _ in range(CLIENTS)]
        try:
            yield answers
        finally:
            stop.set()
    for client in clients:
        client.result()  # a lost request raises here


def wait_for_later_answers(answers: list[Answer]) -> float:
    """Return the present moment, once every client has had an answer to a question asked after it."""
    now_s = time.monotonic()
    while sum(one.asked_s > now_s for one in answers) < 2 * CLIENTS:
        time.sleep(0.02)
    return now_s


def test_promotion_and_roll_back_under_load_lose_nothing_and_mix_nothing(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork
) -> None:
    old = ask(server)
    with traffic(server) as answers:
        comparison = rollout.load(fewer_wrinkles)
        loaded_s = wait_for_later_answers(answers)
        before_promotion_s = time.monotonic()
        rollout.promote(2)
        promoted_s = wait_for_later_answers(answers)
        before_roll_back_s = time.monotonic()
        assert rollout.roll_back() == 1
        rolled_back_s = wait_for_later_answers(answers)
    rollout.promote(2)
    new = ask(server)
    assert old != new
    assert 0.0 < comparison.wrinkled_fraction < comparison.serving_wrinkled_fraction < 0.5
    assert comparison.iou < 0.97

    def masks(begin_s: float, end_s: float) -> set[bytes]:
        return {one.mask for one in answers if begin_s < one.asked_s and one.came_s < end_s}

    assert masks(0.0, before_promotion_s) == {old}
    assert masks(loaded_s, rolled_back_s) == {old, new}
    assert masks(promoted_s, before_roll_back_s) == {new}
    assert masks(rolled_back_s, float("inf")) == {old}


def test_candidate_is_loaded_and_answers_by_itself_while_the_ensemble_stays_as_it_was(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork
) -> None:
    before = ask(server)
    rollout.load(fewer_wrinkles)
    assert ask(server) == before
    states = rollout.states()
    assert [(one.version, one.serving, one.loaded) for one in states] == [(1, True, True), (2, False, True)]
    assert states[0].sha256 != states[1].sha256


def test_versions_and_the_promoted_one_survive_a_restart(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork, tmp_path: Path
) -> None:
    rollout.load(fewer_wrinkles)
    rollout.promote(2)
    mask = ask(server)
    repository = shutil.copytree(server.options.repository, tmp_path / "repository")
    with serving(options_on_free_ports(repository, tmp_path / "again.log", "unetpp")) as again:
        assert ask(again) == mask
        assert again.admin.ready_versions("unetpp") == (1, 2)
        restarted = replace(rollout, server=RunningServer.of(again, health_port=1, temporary=False))
        assert restarted.roll_back() == 1
        assert ask(again) != mask


@pytest.mark.slow
def test_second_server_on_a_repository_goes_on_until_it_is_told_too(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork, tmp_path: Path
) -> None:
    with ModelServer(options_on_free_ports(server.options.repository, tmp_path / "second.log", "unetpp")) as second:
        there = replace(rollout, server=RunningServer.of(second, health_port=1, temporary=False))
        old = ask(second)
        rollout.load(fewer_wrinkles)
        rollout.promote(2)
        assert ask(second) == old
        assert [(one.version, one.serving, one.loaded) for one in there.states()] == [
            (1, True, True),
            (2, False, False),
        ]
        there.load_again(2)
        there.promote(2)
        assert ask(second) == ask(server) != old
        rollout.roll_back()
        assert ask(second) != ask(server) == old
        there.roll_back()
        assert ask(second) == old


def test_versions_survive_a_repair_by_reload(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork
) -> None:
    rollout.load(fewer_wrinkles)
    rollout.promote(2)
    mask = ask(server)
    for model in ("unetpp", "skin_mask", "threshold"):
        server.admin.reload(model, "test")
    assert server.admin.ready_versions("unetpp") == (1, 2)
    assert ask(server) == mask
    assert rollout.roll_back() == 1
    assert ask(server) != mask


def test_version_whose_ensemble_fails_the_canary_is_taken_back(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork
) -> None:
    before = ask(server)
    rollout.load(fewer_wrinkles)

    def sick_ensemble(*_: Any) -> CanaryAnswer:
        assert ask(server) != before  # the new version serves at this moment
        raise ServerFaultError("the mask is empty")

    with pytest.raises(ServerFaultError, match="Version 2 was not promoted, 1 serves again: the mask is empty"):
        replace(rollout, ask_ensemble=sick_ensemble).promote(2)
    assert ask(server) == before
    with pytest.raises(InvalidParameterError, match="No other version of unetpp has served"):
        rollout.roll_back()


def test_trial_waits_until_a_full_server_has_room(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork
) -> None:
    with published(server, unetpp=1000), pytest.raises(OverloadedError):
        ask(server)
    PressureBoard(server.run_folder).publish({"unetpp": 1000})  # is forgotten after a second
    assert rollout.load(fewer_wrinkles).version == 2
    with published(server, unetpp=1000), pytest.raises(OverloadedError):
        replace(rollout, timeout_s=0.5).promote(2)
    assert rollout.versions.pinned() == 1


def test_two_commands_at_once_do_not_mix(rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork) -> None:
    with (
        FileLock(server.options.repository / LOCK_FILE),
        pytest.raises(ArtifactError, match="Another `wrinkle models`"),
    ):
        rollout.load(fewer_wrinkles)
    assert rollout.versions.on_disk() == (1,)


def test_network_that_marks_half_the_face_is_taken_out_again(
    rollout: Rollout, server: ModelServer, tmp_path: Path
) -> None:
    before = ask(server)
    with pytest.raises(ServerFaultError, match=r"version 2 of unetpp marks .* of the canary's skin"):
        rollout.load(dark_lines(tmp_path, flat_skin_logit=5.0))
    assert rollout.versions.on_disk() == rollout.versions.selected() == (1,)
    assert server.admin.ready_versions("unetpp") == (1,)
    assert ask(server) == before


def test_version_that_triton_cannot_load_never_gets_into_the_configuration(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork
) -> None:
    version = rollout.versions.add(fewer_wrinkles)
    (rollout.versions.path(version) / "model.onnx").write_bytes(b"damaged")
    config = rollout.versions.folder / "config.pbtxt"
    before = config.stat().st_ino, config.stat().st_mtime_ns
    with traffic(server), pytest.raises(ServerFaultError, match="unetpp was not loaded"):
        rollout.load_again(version)
    assert (config.stat().st_ino, config.stat().st_mtime_ns) == before
    assert server.admin.ready_versions("unetpp") == rollout.versions.selected() == (1,)
    with pytest.raises(ModelNotReadyError, match="load it with"):
        rollout.promote(version)


def test_file_that_does_not_fit_the_contract_never_reaches_the_repository(rollout: Rollout, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"no network")
    with pytest.raises(ArtifactError, match="cannot be read as an ONNX"):
        rollout.load(ServedNetwork.from_onnx(damaged))
    assert [path.name for path in rollout.versions.folder.iterdir() if path.name not in ("config.pbtxt", "1")] == []


def test_loading_a_third_version_unloads_what_neither_serves_nor_served_last(
    rollout: Rollout, server: ModelServer, fewer_wrinkles: ServedNetwork, tmp_path: Path
) -> None:
    rollout.load(fewer_wrinkles)
    rollout.load(dark_lines(tmp_path, flat_skin_logit=-2.0))
    assert rollout.versions.selected() == (1, 3)
    rollout.promote(3)
    assert version_answer(server.admin, UNETPP, 3, 30.0).wrinkled_fraction > 0
    with pytest.raises(ModelNotReadyError):
        rollout.promote(2)
    with pytest.raises(InvalidParameterError, match="no version 9 in the repository, only 1, 2, 3"):
        rollout.promote(9)
