"""The client through the real gateway to the real server, over both protocols."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driven_client import AnyClient, connect
from live_server import options_on_free_ports
from supervised_server import wait_until
from wrinkle_client import (
    NO_RETRIES,
    ContractError,
    Health,
    ImageTooLargeError,
    Limits,
    NoFaceError,
    OverloadedError,
    RetryPolicy,
    ServerInfo,
    UnauthorizedError,
)
from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.gateway.tokens import new_token
from wrinkle_server.supervision.options import SupervisionOptions
from wrinkle_server.supervision.supervisor import Supervisor
from wrinkle_server.triton.ports import free_ports

pytestmark = pytest.mark.live

HOST = "127.0.0.1"
MAX_BODY_BYTES = 1024 * 1024
BURST = 5


class Door:
    """A gateway over TLS in front of one server; each token has a rate of its own."""

    def __init__(self, port: int, ca_file: Path, token_file: Path) -> None:
        self._port = port
        self._ca_file = ca_file
        self._token_file = token_file

    def client(self, kind: str, protocol: str, token: str | None, **options: Any) -> AnyClient:
        return connect(kind, f"{protocol}s://{HOST}:{self._port}", token=token, ca_file=self._ca_file, **options)

    def admit(self, name: str) -> str:
        """Return a token that the gateway accepts from now on."""
        made = new_token(name)
        with self._token_file.open("a", encoding="utf-8") as file:
            file.write(f"{made.line}\n")
        return str(made.token)


@pytest.fixture(scope="module")
def door(small_repository: Path, authority: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("gateway")
    tokens = folder / "tokens"
    tokens.touch(0o600)
    authority.server.private_key_pem.write_to_path(str(folder / "key.pem"))
    authority.server.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    served = options_on_free_ports(small_repository, folder / "triton.log", "unetpp")
    port, health_port = free_ports(2)
    options = GatewayOptions(
        (Backend(HOST, served.http_port, served.grpc_port, health_port),),
        port=port,
        certificate=folder / "certificate.pem",
        private_key=folder / "key.pem",
        token_file=tokens,
        limits=GatewayLimits(max_body_bytes=MAX_BODY_BYTES, requests_per_minute=60, burst=BURST),
        access_log=folder / "access.log",
    )
    with Supervisor(served, SupervisionOptions(health_port=health_port)), Gateway(options) as gateway:
        wait_until(lambda: gateway.healthy_backends == 1, 60)
        yield Door(port, authority.file, tokens)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_client_with_a_token_is_served(door: Door, grace_hopper_jpeg: bytes, protocol: str, kind: str) -> None:
    with door.client(kind, protocol, door.admit(f"served-{protocol}-{kind}")) as client:
        client.wait_ready(10, models=("unetpp",))
        assert client.health() == Health(live=True, ready=True)
        assert client.segment(grace_hopper_jpeg).mask.any()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("token", [None, "wrk_nobody-knows-me"])
def test_a_client_without_a_valid_token_is_told_so_at_once(
    door: Door, grace_hopper_jpeg: bytes, protocol: str, token: str | None, kind: str
) -> None:
    with door.client(kind, protocol, token) as client:
        for call in (lambda: client.segment(grace_hopper_jpeg), client.models, client.health):
            with pytest.raises(UnauthorizedError) as raised:
                call()
            assert token is None or token not in str(raised.value)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_photograph_over_the_gateway_s_limit_is_too_large(door: Door, protocol: str, kind: str) -> None:
    with door.client(
        kind, protocol, door.admit(f"large-{protocol}-{kind}"), limits=Limits(max_encoded_bytes=10**8)
    ) as client:
        with pytest.raises(ImageTooLargeError):
            client.segment(bytes(4 * MAX_BODY_BYTES))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_client_over_its_rate_is_refused_and_later_served(
    door: Door, grace_hopper_jpeg: bytes, flat_png: bytes, protocol: str, kind: str
) -> None:
    token = door.admit(f"eager-{protocol}-{kind}")
    with (
        door.client(kind, protocol, token, retry=NO_RETRIES) as hasty,
        door.client(kind, protocol, token, retry=RetryPolicy(attempts=10)) as patient,
    ):
        for _ in range(3):  # a place may come free between the two
            with pytest.raises(OverloadedError):
                ask_repeatedly(hasty, flat_png, 20 * BURST)
            if patient.segment(grace_hopper_jpeg).timings.attempts > 1:
                return
    pytest.fail("Nobody had to wait.")


def ask_repeatedly(client: AnyClient, faceless: bytes, times: int) -> None:
    """Ask for what is refused sooner than the gateway's next place comes free."""
    for _ in range(times):
        with pytest.raises(NoFaceError):
            client.segment(faceless)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_what_a_step_says_passes_the_gateway_unchanged(door: Door, protocol: str, flat_png: bytes, kind: str) -> None:
    with door.client(kind, protocol, door.admit(f"faceless-{protocol}-{kind}")) as client, pytest.raises(NoFaceError):
        client.segment(flat_png)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_photograph_prepared_here_passes_the_gateway_too(
    door: Door, grace_hopper_jpeg: bytes, protocol: str, kind: str
) -> None:
    with door.client(kind, protocol, door.admit(f"prepared-{protocol}-{kind}")) as client:
        prepared_there = client.segment(grace_hopper_jpeg)
        assert (client.segment(grace_hopper_jpeg, prepare="client").mask == prepared_there.mask).all()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_the_gateway_refuses_compressed_bodies_and_says_so(
    door: Door, grace_hopper_jpeg: bytes, protocol: str, kind: str
) -> None:
    with door.client(kind, protocol, door.admit(f"squeezed-{protocol}-{kind}"), compression="gzip") as client:
        with pytest.raises(ContractError, match="compressed"):
            client.segment(grace_hopper_jpeg)


def test_the_gateway_tells_its_contract_version_over_http_and_nothing_over_grpc(door: Door, kind: str) -> None:
    token = door.admit(f"curious-{kind}")
    with door.client(kind, "http", token) as client:
        info = client.server_info()
        assert (info.name, info.contract_version) == ("wrinkle-serving", CONTRACT_VERSION)
    with door.client(kind, "grpc", token) as client:
        assert client.server_info() == ServerInfo("", "", (), None)
