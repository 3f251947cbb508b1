"""One replica of the deployment as a process: ``wrinkle serve`` on ports of its own where a pod has an address."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from k8s_daemon import HOST
from k8s_prometheus import Target
from k8s_rules import NAMESPACE, RELEASE, TRACK
from wrinkle_server.gateway.options import Backend
from wrinkle_server.triton.ports import free_ports

__all__ = ["Counters", "Replica"]

_PROGRAM = "from wrinkle_client.cli import main; main()"
_FLAGS = ("--http-port", "--grpc-port", "--metrics-port", "--health-port")
_READY_S = 60.0
_STOP_S = 60.0

Counters = dict[tuple[str, str], float]


class Replica:
    """Started by its constructor.

    Attributes:
        pod: Name that its series carry.
        http_port: Of Triton; likewise ``grpc_port`` and ``metrics_port``.
        health_port: Of the supervisor.
    """

    def __init__(self, pod: str, repository: Path, log: Path) -> None:
        self.pod = pod
        ports = free_ports(4)
        self.http_port, self.grpc_port, self.metrics_port, self.health_port = ports
        numbers = (word for flag, port in zip(_FLAGS, ports, strict=True) for word in (flag, str(port)))
        serve = ["serve", "--model-repository", str(repository), "--exit-timeout-s", "10", "--http", "bare"]
        self._command = [sys.executable, "-c", _PROGRAM, *serve, *numbers]
        self._log = log
        self.start()

    @property
    def backend(self) -> Backend:
        """How the gateway reaches it."""
        return Backend(HOST, self.http_port, self.grpc_port, self.health_port)

    def targets(self, endpoints: tuple[str, ...]) -> list[Target]:
        """Return its metrics pages with the labels that the PodMonitor and its relabelings give."""
        ports = {"metrics": self.metrics_port, "health": self.health_port}
        labels = {
            "job": f"{NAMESPACE}/{RELEASE}",
            "namespace": NAMESPACE,
            "pod": self.pod,
            "container": "server",
            "wrinkle_release": RELEASE,
            "track": TRACK,
        }
        return [Target(ports[endpoint], labels | {"endpoint": endpoint}) for endpoint in endpoints]

    def start(self) -> None:
        """Start it, also after its end; ``wait_ready`` waits."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)

    def wait_ready(self) -> None:
        """Wait until its supervisor says that it is ready."""
        deadline_s = time.monotonic() + _READY_S
        while not self._is_ready():
            assert self._process.poll() is None, self._log.read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < deadline_s, f"{self.pod} is not ready after {_READY_S:g} s"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it with SIGKILL: its Triton goes with it, as all of a pod does."""
        self._process.kill()
        self._process.wait()

    def ask_to_stop(self) -> None:
        """Let it end in order, if it runs; ``wait_stopped`` waits."""
        self._process.terminate()

    def wait_stopped(self) -> None:
        """Wait for its end."""
        self._process.wait(_STOP_S)

    def counters(self) -> Counters:
        """Read its metrics page: family and model, versions and other labels added up."""
        with urllib.request.urlopen(f"http://{HOST}:{self.metrics_port}/metrics", timeout=10) as answer:
            page = answer.read().decode()
        found: Counters = {}
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if "model" in sample.labels:
                    key = family.name, sample.labels["model"]
                    found[key] = found.get(key, 0.0) + sample.value
        return found

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.health_port}/readyz", timeout=5):
                return True
        except OSError:
            return False
