"""A gateway's life: it starts or says why not, drains, is repaired after a crash, and leaves nothing behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from gateway_setup import HttpBackend, send, until
from stopwatch import Stopwatch
from wrinkle_core.errors import ArtifactError, ServerFaultError, ServerStartError
from wrinkle_server.gateway.envoy_binary import find_envoy
from wrinkle_server.gateway.keeper import keep_running
from wrinkle_server.gateway.options import GatewayLimits
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.log_file import earlier_part

StartGateway = Callable[..., Gateway]
INFER = "/v2/models/wrinkle_unetpp/infer"
MANY = GatewayLimits(requests_per_minute=100_000, burst=100_000)


def remains() -> set[Path]:
    """Return what gateways of this process have left in the folder of temporary files."""
    return set(Path(tempfile.gettempdir()).glob(f"wrinkle-serve-{os.getpid()}-*"))


def envoy_id(gateway: Gateway) -> int:
    assert gateway.process_id is not None
    return gateway.process_id


def test_stopped_gateway_leaves_no_process_and_no_files(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str
) -> None:
    before = remains()
    gateway = start_gateway(backend, token_file=token_file)
    process = psutil.Process(envoy_id(gateway))
    assert remains() > before
    gateway.stop()
    assert not process.is_running()
    assert not gateway.alive
    assert remains() == before
    gateway.stop()


def test_administration_is_not_on_the_network_and_its_folder_is_closed(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    before = remains()
    gateway = start_gateway(backend)
    (folder,) = remains() - before
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "admin.sock").stat().st_mode & 0o777 == 0o600
    listening = [each for each in psutil.Process(envoy_id(gateway)).net_connections("tcp") if each.status == "LISTEN"]
    assert {each.laddr.port for each in listening} == {gateway.options.port}
    assert {each.laddr.ip for each in listening} == {"127.0.0.1"}


def test_requests_in_flight_are_answered_when_it_stops(start_gateway: StartGateway, backend: HttpBackend) -> None:
    backend.delay_s = 1.5
    gateway = start_gateway(backend, limits=MANY)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(send, gateway.options.port, "POST", INFER, body=b"photo") for _ in range(4)]
        assert until(lambda: len(backend.seen) == 4)
        gateway.stop(timeout_s=10)
        assert [each.result().status for each in asked] == [200] * 4


def test_gateway_that_will_stop_says_so_and_serves_on_for_a_while(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    gateway = start_gateway(backend)
    port = gateway.options.port

    def ready() -> int:
        return send(port, "GET", "/v2/health/ready").status

    assert ready() == 200
    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(gateway.stop, drain_delay_s=60.0)
        assert until(lambda: ready() == 503)
        assert send(port).status == 200
        gateway.kill()
        stopped.result(timeout=10)


def test_busy_kept_connections_are_led_away_without_a_cut_answer(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    backend.delay_s = 0.05
    gateway = start_gateway(backend, limits=MANY)
    stopping = threading.Event()
    told: list[tuple[int, str | None]] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.options.port, timeout=10)
        while True:
            fresh = connection.sock is None
            try:
                connection.request("POST", INFER, body=b"photo", headers={"Inference-Header-Content-Length": "0"})
                reply = connection.getresponse()
            except (ConnectionRefusedError, ConnectionResetError):
                assert fresh  # it came while the port closed; a kept connection is told to leave before
                assert stopping.is_set()
                return
            reply.read()
            told.append((reply.status, reply.getheader("connection")))

    with ThreadPoolExecutor(3) as pool:
        clients = [pool.submit(ask) for _ in range(3)]
        assert until(lambda: len(told) > 10)
        stopping.set()
        gateway.stop(timeout_s=10)
        for client in clients:
            client.result(timeout=10)
    assert {status for status, _ in told} == {200}
    assert told[-1] == (200, "close")
    assert len(told) == len(backend.seen)


def test_stopping_is_bounded(start_gateway: StartGateway, backend: HttpBackend) -> None:
    backend.delay_s = 30.0
    gateway = start_gateway(backend)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(send, gateway.options.port, "POST", INFER, body=b"photo")
        assert until(lambda: len(backend.seen) == 1)
        with Stopwatch() as took:
            gateway.stop(timeout_s=1.0)
        assert took.own_s < 4.0
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            asked.result()


def test_envoy_that_ignores_the_signal_is_killed(start_gateway: StartGateway, backend: HttpBackend) -> None:
    gateway = start_gateway(backend)
    process = psutil.Process(envoy_id(gateway))
    process.suspend()
    with Stopwatch() as took:
        gateway.stop(timeout_s=1.0)
    assert took.own_s < 15.0
    assert not process.is_running()


def test_killed_envoy_is_seen_and_started_again(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str
) -> None:
    gateway = start_gateway(backend, token_file=token_file)
    os.kill(envoy_id(gateway), signal.SIGKILL)
    assert gateway.wait(5.0)
    assert not gateway.alive
    assert gateway.poll() == -signal.SIGKILL
    gateway.restart()
    assert until(lambda: send(gateway.options.port, authorization=f"Bearer {token}").status == 200)


def test_keeper_starts_a_killed_envoy_again_and_gives_up_when_it_dies_often(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    gateway = start_gateway(backend)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(keep_running, gateway, stop, max_restarts=2)
        try:
            for _ in range(2):
                os.kill(envoy_id(gateway), signal.SIGKILL)
                assert gateway.wait(5.0)
                assert until(lambda: serves(gateway))
            os.kill(envoy_id(gateway), signal.SIGKILL)
            with pytest.raises(ServerFaultError, match="again and again"):
                kept.result(timeout=10)
        finally:
            stop.set()


def serves(gateway: Gateway) -> bool:
    try:
        return send(gateway.options.port).status == 200
    except ConnectionError:
        return False


def test_keeper_cuts_a_long_access_log_and_returns_when_it_is_told_to(
    start_gateway: StartGateway, backend: HttpBackend
) -> None:
    gateway = start_gateway(backend, max_log_bytes=1000)
    log = gateway.options.access_log
    assert log is not None
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(keep_running, gateway, stop, max_restarts=1)
        try:
            with log.open("a", encoding="utf-8") as file:
                file.write("x" * 2000)
            assert until(lambda: earlier_part(log).exists() and not log.stat().st_size)
            assert send(gateway.options.port).status == 200
            assert until(lambda: log.stat().st_size > 0)
            assert json.loads(log.read_text(encoding="utf-8"))["status"] == 200  # Envoy goes on at the beginning
        finally:
            stop.set()
        kept.result(timeout=10)
    assert gateway.alive


def test_envoy_follows_a_killed_parent(backend: HttpBackend, tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from wrinkle_server.gateway.options import Backend, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.triton.ports import free_ports
(port,) = free_ports(1)
options = GatewayOptions((Backend("127.0.0.1", *{backend.ports}),), port=port, access_log=Path("{tmp_path}/log"))
gateway = Gateway(options)
gateway.start()
print(gateway.process_id, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        envoy = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
    envoy.wait(timeout=10)


def test_taken_port_is_named(start_gateway: StartGateway, backend: HttpBackend, tmp_path: Path) -> None:
    running = start_gateway(backend)
    with pytest.raises(ServerStartError, match=f"Port {running.options.port} "):
        Gateway(running.options).start()


def test_token_file_open_to_others_stops_the_start(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str
) -> None:
    before = remains()
    token_file.chmod(0o644)
    with pytest.raises(ArtifactError, match="chmod 600"):
        start_gateway(backend, token_file=token_file)
    assert remains() == before


def test_gateway_is_started_once(start_gateway: StartGateway, backend: HttpBackend) -> None:
    gateway = start_gateway(backend)
    with pytest.raises(ServerStartError, match="started before"):
        gateway.start()
    gateway.stop()
    with pytest.raises(ServerStartError, match="is stopped"):
        gateway.restart()


def test_missing_envoy_is_an_error_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerStartError, match="pip install"):
        find_envoy()
