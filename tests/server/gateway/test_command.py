"""``wrinkle gateway``: run until a signal, print the configuration, draw a token."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from typer.testing import CliRunner

from gateway_setup import HttpBackend, send, until
from wrinkle_core.errors import InvalidParameterError
from wrinkle_server.commands.gateway import app
from wrinkle_server.gateway.tokens import TokenFile
from wrinkle_server.triton.ports import free_ports

RUN = "from wrinkle_server.commands.gateway import app; app()"


def start_run(backend: HttpBackend, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    (port,) = free_ports(1)
    named = f"127.0.0.1:{':'.join(map(str, backend.ports))}"
    command = [sys.executable, "-c", RUN, "run", "--backend", named, "--port", str(port), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    told = ""
    while "Ctrl-C" not in told:
        line = process.stdout.readline()
        assert line, told
        told += line
    return process, port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_serves_until_a_signal_and_leaves_no_process(
    backend: HttpBackend, tmp_path: Path, number: signal.Signals
) -> None:
    process, port = start_run(backend, "--access-log", str(tmp_path / "log"))
    children = psutil.Process(process.pid).children(recursive=True)
    assert until(lambda: send(port).status == 200)
    process.send_signal(number)
    told, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Stopped." in told
    assert children
    assert not any(child.is_running() for child in children)


def test_second_signal_ends_it_at_once(backend: HttpBackend, tmp_path: Path) -> None:
    backend.delay_s = 20.0
    process, port = start_run(backend, "--access-log", str(tmp_path / "log"))
    asking = ["curl", "-s", f"http://127.0.0.1:{port}/v2/models/unetpp"]
    with subprocess.Popen(asking) as client:
        assert until(lambda: len(backend.seen) == 1)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.0)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)
        client.wait(10)
    assert process.returncode == 0


def test_printed_configuration_is_that_of_the_options() -> None:
    told = CliRunner().invoke(
        app, ["config", "--backend", "10.0.0.5", "--backend", "10.0.0.6:1:2:3", "--sockets", "/run/x"]
    )
    assert told.exit_code == 0
    message = yaml.safe_load(told.stdout)
    assert message["admin"]["address"]["pipe"]["path"] == "/run/x/admin.sock"
    endpoints = message["static_resources"]["clusters"][0]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert [each["endpoint"]["address"]["socket_address"]["port_value"] for each in endpoints] == [8000, 1]


def test_new_token_prints_the_token_once_and_the_line_that_makes_it_valid(token_file: Path) -> None:
    told = CliRunner().invoke(app, ["new-token", "clinic-a"])
    token, line = told.stdout.strip(), told.stderr.split()[-1]
    assert line == f"clinic-a:{hashlib.sha256(token.encode()).hexdigest()}"
    token_file.write_text(line, encoding="utf-8")
    assert TokenFile(token_file).client_of(token) == "clinic-a"


def test_new_token_makes_and_extends_a_token_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    drawn = [CliRunner().invoke(app, ["new-token", name, "--token-file", str(path)]).stdout.strip() for name in "ab"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [TokenFile(path).client_of(token) for token in drawn] == ["a", "b"]
    assert not any(token in path.read_text(encoding="utf-8") for token in drawn)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--backend", "10.0.0.5", "--host", "0.0.0.0"], "needs TLS"),
        (["--backend", "10.0.0.5:80"], "A backend is HOST"),
        (["--backend", "10.0.0.5", "--max-body-bytes", "100"], "max_body_bytes"),
    ],
)
def test_option_that_cannot_work_is_refused_with_its_reason(arguments: list[str], reason: str) -> None:
    raised = CliRunner().invoke(app, ["run", *arguments]).exception
    assert isinstance(raised, InvalidParameterError)
    assert reason in str(raised)


def test_run_without_a_backend_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["run"]).exit_code == 2


def test_authorization_step_alone_checks_tokens_beside_another_envoy(
    tmp_path_factory: pytest.TempPathFactory, token_file: Path, token: str
) -> None:
    folder = tmp_path_factory.mktemp("s")
    command = [sys.executable, "-c", RUN, "authorize", "--token-file", str(token_file), "--sockets", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        socket = folder / "authorize.sock"
        assert until(socket.exists)
        assert socket.stat().st_mode & 0o777 == 0o600
        asked = [
            "curl",
            "-s",
            "-o",
            str(folder / "body"),
            "-w",
            "%{http_code}",
            "--unix-socket",
            str(socket),
            "http://a/authorize/v2/x",
        ]
        assert (
            subprocess.run(
                [*asked, "-H", f"Authorization: Bearer {token}"], capture_output=True, text=True, check=True
            ).stdout
            == "200"
        )
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "401"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert not socket.exists()
