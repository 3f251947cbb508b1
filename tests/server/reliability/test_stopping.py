"""A server that is told to stop finishes its work within a bound, and hurries when it is told twice."""

from __future__ import annotations

import http.client
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from figures import Figures
from live_server import ServeProcess, start_serve
from remains import remains, session_members
from supervised_server import HOST
from wrinkle_core.errors import WrinkleError
from wrinkle_server.supervision.canary import canary_photo
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = [pytest.mark.live, pytest.mark.alone]

PROGRAM = "from wrinkle_client.cli import main; main()"
SLOW = """
import time
from pathlib import Path
from wrinkle_server.steps.preprocess_step import PreprocessStep


class TritonPythonModel(PreprocessStep):
    def _answer(self, requests):
        if Path({trigger!r}).exists():
            time.sleep({seconds})
        return super()._answer(requests)
"""


def serve(small_repository: Path, folder: Path, *options: str, seconds: float) -> ServeProcess:
    """Start a server whose requests take ``seconds`` once it is ready."""
    repository, trigger = folder / "repository", folder / "slow"
    shutil.copytree(small_repository, repository)
    source = SLOW.format(trigger=str(trigger), seconds=seconds)
    (repository / "skin_mask" / "1" / "model.py").write_text(source, encoding="utf-8")
    started = start_serve([sys.executable, "-c", PROGRAM, "serve", "--model-repository", str(repository), *options])
    trigger.touch()
    return started


def outcome(port: int) -> str:
    try:
        return "answered" if infer_raw(HOST, port, "wrinkle_unetpp", canary_photo(), 60.0)["MASK_PNG"] else "empty"
    except WrinkleError as error:
        return error.code


def ask_and_stop(started: ServeProcess, signals: int) -> tuple[list[str], float]:
    """Return how three requests ended that were in flight when the server got its signals, and how long it took."""
    process, port = started.process, started.ports[0]
    (server,) = [each for each in psutil.Process(process.pid).children() if "tritonserver" in each.name()]
    with process, ThreadPoolExecutor(3) as callers:
        calls = [callers.submit(outcome, port) for _ in range(3)]
        time.sleep(1.0)
        began_s = time.monotonic()
        for _ in range(signals):
            process.send_signal(signal.SIGTERM)
            time.sleep(1.0)
        process.wait(60)
        stopped_s = time.monotonic() - began_s
        outcomes = [call.result() for call in calls]
    assert session_members(server.pid) == []
    assert remains(process.pid) == []
    return outcomes, stopped_s


def test_requests_in_flight_are_answered_before_the_end_and_kept_connections_do_not_delay_it(
    small_repository: Path, tmp_path: Path, figures: Figures
) -> None:
    started = serve(small_repository, tmp_path, seconds=1.0)
    with closing(http.client.HTTPConnection(HOST, started.ports[0], timeout=5)) as kept:
        kept.request("GET", "/v2")
        kept.getresponse().read()
        outcomes, stopped_s = ask_and_stop(started, signals=1)
    figures(outcomes=outcomes, stopped_s=round(stopped_s, 2))
    assert outcomes == ["answered"] * 3
    assert started.process.returncode == 0
    assert stopped_s < 15.0  # the exit timeout is 30 s


def test_second_signal_ends_it_at_once(small_repository: Path, tmp_path: Path, figures: Figures) -> None:
    started = serve(small_repository, tmp_path, seconds=30.0)
    outcomes, stopped_s = ask_and_stop(started, signals=2)
    figures(outcomes=outcomes, stopped_s=round(stopped_s, 2))
    assert outcomes == ["SERVER_UNREACHABLE"] * 3
    assert stopped_s < 6.0


def test_requests_that_take_too_long_are_cut_off(small_repository: Path, tmp_path: Path, figures: Figures) -> None:
    started = serve(small_repository, tmp_path, "--exit-timeout-s", "2", seconds=60.0)
    outcomes, stopped_s = ask_and_stop(started, signals=1)
    figures(outcomes=outcomes, stopped_s=round(stopped_s, 2))
    assert outcomes == ["SERVER_UNREACHABLE"] * 3
    assert stopped_s < 2.0 + 5.0 + 3.0
