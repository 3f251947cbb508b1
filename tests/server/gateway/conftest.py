"""A gateway with tokens in front of two cheap backends, and what starts others."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme

from gateway_setup import HttpBackend, until
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.gateway.tokens import NewToken, append_line, new_token
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.ports import free_ports

MANY = GatewayLimits(requests_per_minute=100_000, burst=100_000)


class StartGateway(Protocol):
    """Starts a gateway on a free port, whose backends are ready; it is stopped when the test ends."""

    def __call__(self, *backends: HttpBackend, **options: Any) -> Gateway: ...


@dataclass(frozen=True)
class Certificates:
    """Files of an authority made for the test, and what a client needs to trust it."""

    certificate: Path
    private_key: Path
    authority: Path
    client_certificate: Path
    client_trusts: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server.private_key_pem.write_to_path(str(folder / "key.pem"))
    for number, blob in enumerate(server.cert_chain_pems):
        blob.write_to_path(str(folder / "chain.pem"), append=number > 0)
    client = authority.issue_cert("clinic-a.example")
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    trusts = ssl.create_default_context()
    authority.configure_trust(trusts)
    return Certificates(folder / "chain.pem", folder / "key.pem", folder / "ca.pem", folder / "client.pem", trusts)


@pytest.fixture
def backend() -> Iterator[HttpBackend]:
    with HttpBackend() as running:
        yield running


@pytest.fixture
def other_backend() -> Iterator[HttpBackend]:
    with HttpBackend() as running:
        yield running


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[StartGateway]:
    with contextlib.ExitStack() as stack:

        def start(*backends: HttpBackend, **options: Any) -> Gateway:
            (port,) = free_ports(1)
            options.setdefault("access_log", tmp_path / "access.log")
            chosen = GatewayOptions(tuple(each.backend for each in backends), port=port, **options)
            gateway = stack.enter_context(Gateway(chosen, log_path=tmp_path / "envoy.log"))
            assert until(lambda: gateway.healthy_backends == len(backends))
            return gateway

        yield start


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.touch(0o600)
    return path


@pytest.fixture
def token(token_file: Path) -> str:
    """Return a token of the client ``clinic-a`` that ``token_file`` makes valid."""
    drawn = new_token("clinic-a")
    token_file.write_text(f"# a comment\n{drawn.line}\n", encoding="utf-8")
    return drawn.token


@pytest.fixture(scope="session")
def live_token_line() -> NewToken:
    return new_token("clinic-a")


@pytest.fixture
def live_token(live_token_line: NewToken) -> str:
    """Return a token that the gateways in front of the real Triton accept."""
    return live_token_line.token


@pytest.fixture(scope="session")
def live_token_file(live_token_line: NewToken, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    append_line(path, live_token_line.line)
    return path


@pytest.fixture(scope="module")
def behind(live_server: ModelServer) -> Iterator[Backend]:
    """Return the real Triton, with a supervisor that says it is ready."""
    options = live_server.options
    with HttpBackend() as supervisor:
        yield Backend(options.host, options.http_port, options.grpc_port, supervisor.ports[2])


@contextlib.contextmanager
def in_front_of(behind: Backend, **options: Any) -> Iterator[int]:
    chosen = GatewayOptions((behind,), port=free_ports(1)[0], **options)
    with Gateway(chosen) as gateway:
        assert until(lambda: gateway.healthy_backends == 1)
        yield chosen.port


@pytest.fixture(scope="module")
def live_port(behind: Backend, live_token_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return a gateway in front of the real Triton that asks for tokens."""
    log = tmp_path_factory.mktemp("gateway") / "log"
    with in_front_of(behind, token_file=live_token_file, access_log=log, limits=MANY) as port:
        yield port


@pytest.fixture(scope="module")
def open_port(behind: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return a gateway on loopback that asks for no token, as the SDK's plain URLs reach it."""
    log = tmp_path_factory.mktemp("gateway") / "log"
    with in_front_of(behind, access_log=log, limits=MANY) as port:
        yield port


@pytest.fixture(scope="module")
def secure_port(
    behind: Backend, live_token_file: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Return a gateway as others on a network would reach it: TLS and tokens, bodies up to 1 MiB."""
    files = {"certificate": certificates.certificate, "private_key": certificates.private_key}
    log = tmp_path_factory.mktemp("gateway") / "log"
    limits = GatewayLimits(max_body_bytes=1024 * 1024)
    with in_front_of(
        behind, host="0.0.0.0", token_file=live_token_file, access_log=log, limits=limits, **files
    ) as port:
        yield port
