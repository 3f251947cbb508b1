"""The rendered pod's two commands on this machine: settings, secrets and ports of the chart, without containers.

Substituted: paths of the volumes, the ports, the image's environment, and the shell line that clears shared memory,
which here would be that of other servers too.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from chart_checks.matrix import Json, deployments, of_kind
from gateway_setup import until
from remains import remains
from wrinkle_client import Client
from wrinkle_core.assets import ASSETS_DIR_VARIABLE, assets_folder, fetch_assets
from wrinkle_core.errors import UnauthorizedError
from wrinkle_server.gateway.tokens import new_token
from wrinkle_server.triton.ports import free_ports

pytestmark = [pytest.mark.live, pytest.mark.needs("npm")]

NAME = "minikube"
ELSEWHERE = "127.0.0.2"  # reached by what listens on every address, not by what listens on 127.0.0.1
START_LIMIT_S = 120.0
PORT_SETTINGS = {"http": 8000, "grpc": 8001, "metrics": 8002, "health": 8003}


@dataclass(frozen=True)
class Pod:
    """Both processes, ready."""

    server: subprocess.Popen[bytes]
    gateway: subprocess.Popen[bytes]
    ports: dict[str, int]
    token: str
    authority: Path


class Volumes:
    """A folder for each mounted volume, and the paths of the containers turned into them."""

    def __init__(self, folder: Path, container: Json) -> None:
        self._paths = {
            mount["mountPath"]: folder / mount["name"]
            for mount in container["volumeMounts"]
            if mount["mountPath"] != "/dev/shm"
        }
        for path in self._paths.values():
            path.mkdir(exist_ok=True)

    def here(self, text: str) -> str:
        known = sorted(self._paths, key=len, reverse=True)
        pattern = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, known))})(?![\w.-])")
        return pattern.sub(lambda found: str(self._paths[found[1]]), text)

    def environment(self, container: Json) -> dict[str, str]:
        told = {one["name"]: self.here(one["value"]) for one in container["env"]}
        image = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            ASSETS_DIR_VARIABLE: str(assets_folder()),
        }
        return image | told


@pytest.fixture(scope="module")
def pod() -> Iterator[Pod]:
    fetch_assets()
    (deployment,) = deployments(NAME)
    server, gateway = deployment["spec"]["template"]["spec"]["containers"]
    ports = dict(zip((*PORT_SETTINGS, "gateway"), free_ports(5), strict=True))
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="pod-"))  # short: the path of a socket has at most 107 characters
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        authority = trustme.CA()
        token = write_secrets(folder, authority)
        (settings,) = [one for one in of_kind(NAME, "ConfigMap") if one["metadata"]["name"].endswith("-settings")]
        volumes = Volumes(folder, server)
        (folder / "settings" / "serve.yaml").write_text(volumes.here(settings["data"]["serve.yaml"]), encoding="utf-8")
        environment = volumes.environment(server)
        environment |= {f"WRINKLE_SERVE_{name.upper()}_PORT": str(ports[name]) for name in PORT_SETTINGS}
        serving = start(stack, server["args"][-1].rpartition("exec ")[2].split(), environment)
        volumes = Volumes(folder, gateway)
        backend = ":".join(str(ports[name]) for name in ("http", "grpc", "health"))
        words = [volumes.here(word) for word in gateway["args"]]
        words[words.index("--backend=127.0.0.1")] += f":{backend}"
        words[words.index("--port=8443")] = f"--port={ports['gateway']}"
        guarding = start(stack, words, volumes.environment(gateway))
        until(lambda: probe(ports["health"], "/readyz") == 200 or serving.poll() is not None, START_LIMIT_S)
        assert serving.poll() is None
        until(lambda: connects("127.0.0.1", ports["gateway"]) or guarding.poll() is not None, START_LIMIT_S)
        assert guarding.poll() is None
        yield Pod(serving, guarding, ports, token, folder / "ca.pem")


def write_secrets(folder: Path, authority: trustme.CA) -> str:
    """Write certificate and tokens as the Secrets would appear, and return a token."""
    for name in ("tls", "tokens"):
        (folder / name).mkdir()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "tls" / "tls.key"))
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(folder / "tls" / "tls.crt"), append=True)
    drawn = new_token("clinic-a")
    (folder / "tokens" / "tokens").write_text(f"{drawn.line}\n", encoding="utf-8")
    for file in (folder / "tokens" / "tokens", folder / "tls" / "tls.key"):
        file.chmod(0o400)
    return drawn.token


def start(stack: ExitStack, words: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(words, env=environment, cwd="/")
    stack.callback(process.wait, 30)
    stack.callback(process.kill)
    return process


def probe(port: int, path: str, host: str = "127.0.0.1") -> int | None:
    with closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return None


def connects(host: str, port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(5)
        return one.connect_ex((host, port)) == 0


def test_photograph_is_answered_through_the_gateway(pod: Pod, grace_hopper_jpeg: bytes) -> None:
    for scheme in ("https", "grpcs"):
        with Client(f"{scheme}://localhost:{pod.ports['gateway']}", token=pod.token, ca_file=pod.authority) as client:
            client.wait_ready(30.0, models=("unetpp",))
            assert client.segment(grace_hopper_jpeg).mask.shape == (600, 512)


def test_stranger_is_not(pod: Pod, grace_hopper_jpeg: bytes) -> None:
    stranger = new_token("stranger").token
    with Client(f"https://localhost:{pod.ports['gateway']}", token=stranger, ca_file=pod.authority) as client:
        with pytest.raises(UnauthorizedError):
            client.segment(grace_hopper_jpeg)


def test_only_gateway_metrics_and_health_are_reached_from_elsewhere(pod: Pod) -> None:
    reached = {name for name, port in pod.ports.items() if connects(ELSEWHERE, port)}
    assert reached == {"gateway", "metrics", "health"}
    assert all(connects("127.0.0.1", port) for port in pod.ports.values())
    assert probe(pod.ports["health"], "/livez", ELSEWHERE) == 200
    assert probe(pod.ports["metrics"], "/metrics", ELSEWHERE) == 200


def test_gateway_and_then_server_end_without_an_error_or_a_trace(pod: Pod) -> None:
    for process in (pod.gateway, pod.server):
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    assert remains(pod.server.pid) == remains(pod.gateway.pid) == []
