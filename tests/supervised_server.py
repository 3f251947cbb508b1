"""Pytest plugin: a supervised server whose supervisor runs on a thread of its own."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from live_server import options_on_free_ports
from wrinkle_server.supervision.canary import canary_photo
from wrinkle_server.supervision.options import SupervisionOptions
from wrinkle_server.supervision.supervisor import Supervisor
from wrinkle_server.triton.ports import free_ports
from wrinkle_server.triton.raw_inference import infer_raw

HOST = "127.0.0.1"


class Supervised:
    """One supervised server of ``unetpp``."""

    def __init__(self, supervisor: Supervisor, health_port: int) -> None:
        self.supervisor = supervisor
        self.health_port = health_port
        self.given_up: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.supervisor.run()
        except Exception as error:
            self.given_up = error

    def end(self) -> None:
        self.supervisor.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()

    @property
    def http_port(self) -> int:
        return self.supervisor.server.options.http_port

    def ask(self, timeout_s: float = 30.0) -> dict[str, bytes]:
        return infer_raw(HOST, self.http_port, "wrinkle_unetpp", canary_photo(), timeout_s)

    def get(self, path: str) -> tuple[int, str]:
        with closing(http.client.HTTPConnection(HOST, self.health_port, timeout=5)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def reasons(self) -> list[str]:
        status, body = self.get("/readyz")
        answer = json.loads(body)
        assert (status == http.client.OK) == answer["ready"] == (not answer["reasons"])
        return list(answer["reasons"])

    def counted(self, sample: str) -> float:
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(f"{sample} "):
                return float(line.split()[-1])
        return 0.0

    def steps(self, model: str) -> list[psutil.Process]:
        children = psutil.Process(self.supervisor.server.process_id).children()
        living = [process for process in children if process.status() != psutil.STATUS_ZOMBIE]
        return [process for process in living if f"/{model}/1/model.py" in " ".join(process.cmdline())]


def wait_until(condition: Callable[[], bool], limit_s: float) -> float:
    """Return how many seconds it took until ``condition`` held."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < limit_s, f"not within {limit_s} s"
        time.sleep(0.02)
    return time.monotonic() - began_s


Supervise = Callable[..., AbstractContextManager[Supervised]]


@pytest.fixture(scope="session")
def supervise(small_repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Supervise:
    """Return a function that starts a supervised server; options of the supervision are its arguments."""

    @contextmanager
    def start(repository: Path = small_repository, **changed: float) -> Iterator[Supervised]:
        options = options_on_free_ports(repository, tmp_path_factory.mktemp("log") / "triton.log", "unetpp")
        (health_port,) = free_ports(1)
        supervision = replace(SupervisionOptions(health_port=health_port, canary_idle_s=60.0), **changed)  # type: ignore[arg-type]
        with Supervisor(options, supervision) as supervisor:
            running = Supervised(supervisor, health_port)
            try:
                yield running
            finally:
                running.end()
                supervisor.server.kill()  # nothing is in flight, and an orderly end takes seconds

    return start
