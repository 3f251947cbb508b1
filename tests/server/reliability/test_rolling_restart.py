"""Two servers behind the gateway, restarted one after the other under load: no request is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from figures import Figures
from supervised_server import HOST
from traffic import generate
from wrinkle_server.gateway.options import Backend, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.ports import free_ports

pytestmark = [pytest.mark.live, pytest.mark.alone]

RATE_HZ = 4.0
PATIENCE_S = 20.0
LONGEST_S = 120.0  # the load ends with the restarts
PROGRAM = "from wrinkle_client.cli import main; main()"


class Replica:
    """One ``wrinkle serve`` that can be restarted on its ports."""

    def __init__(self, repository: Path) -> None:
        self.ports = free_ports(4)
        names = ("--http-port", "--grpc-port", "--metrics-port", "--health-port")
        self._command = [
            sys.executable,
            "-c",
            PROGRAM,
            "serve",
            "--http",
            "bare",
            "--model-repository",
            str(repository),
        ]
        self._command += ["--drain-delay-s", "2"]
        for name, port in zip(names, self.ports, strict=True):
            self._command += [name, str(port)]
        self.start()

    @property
    def backend(self) -> Backend:
        http_port, grpc_port, _, health_port = self.ports
        return Backend(HOST, http_port, grpc_port, health_port)

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait_ready(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if "Ctrl-C" in line:
                return
        raise AssertionError("wrinkle serve ended")

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0

    def stop(self) -> float:
        began_s = time.monotonic()
        self.ask_to_stop()
        self.wait()
        return time.monotonic() - began_s


@pytest.fixture
def replicas(small_repository: Path) -> Iterator[tuple[Replica, Replica]]:
    pair = Replica(small_repository), Replica(small_repository)
    for replica in pair:
        replica.wait_ready()
    yield pair
    for replica in pair:
        replica.ask_to_stop()
    for replica in pair:
        replica.wait()


def test_no_request_is_lost(
    replicas: tuple[Replica, Replica], photo_file: Path, tmp_path: Path, figures: Figures
) -> None:
    (port,) = free_ports(1)
    options = GatewayOptions(tuple(replica.backend for replica in replicas), port=port)
    with Gateway(options, log_path=tmp_path / "envoy.log"):
        time.sleep(2.0)
        generator = generate(
            f"http://{HOST}:{port}",
            "wrinkle_unetpp",
            photo_file,
            tmp_path / "traffic.json",
            rate_hz=RATE_HZ,
            duration_s=LONGEST_S,
            timeout_s=PATIENCE_S,
        )
        stopped_s = []
        for replica in replicas:
            time.sleep(2.0)
            stopped_s.append(round(replica.stop(), 1))
            replica.start()
            replica.wait_ready()
        assert generator.at_work()
        generator.send_no_more()
        traffic = generator.finish()
    figures(sent=len(traffic.samples), outcomes=dict(traffic.outcomes()), stopped_s=stopped_s)
    assert traffic.outcomes() == {"answered": len(traffic.samples)}
    assert len({sample.mask for sample in traffic.samples}) == 1
