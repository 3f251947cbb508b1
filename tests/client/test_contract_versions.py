"""Client and server of different contract versions: at first contact the older one is named, in both directions."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from driven_client import connect
from wrinkle_client import ContractError
from wrinkle_core.contract import CONTRACT_VERSION

OLDER = {CONTRACT_VERSION - 1: "the server is older; upgrade the server", CONTRACT_VERSION + 1: "upgrade this client"}


@pytest.mark.parametrize("version", OLDER)
def test_the_first_answer_s_report_tells(server: Any, photo: bytes, kind: str, version: int) -> None:
    server.answer.contract_version = version
    with connect(kind, server.url) as client, pytest.raises(ContractError, match=OLDER[version]):
        client.segment(photo)


@pytest.mark.parametrize("version", OLDER)
def test_waiting_until_a_server_is_ready_tells_too(server: Any, kind: str, version: int) -> None:
    server.answer.contract_version = version
    with connect(kind, server.url) as client:
        assert client.server_info().contract_version == version
        with pytest.raises(ContractError, match=OLDER[version]):
            client.wait_ready(5)


@pytest.mark.parametrize("version", OLDER)
def test_a_network_is_not_asked_before_the_versions_agree(
    server: Any, grace_hopper_jpeg: bytes, kind: str, version: int
) -> None:
    server.answer.contract_version = version
    with connect(kind, server.url, prepare="client") as client, pytest.raises(ContractError, match=OLDER[version]):
        client.segment(grace_hopper_jpeg)
    assert not [request for request in server.received if request.image]


def test_a_server_that_refuses_the_form_is_asked_for_its_version(server: Any, photo: bytes, kind: str) -> None:
    """A server of version 1 has no SKIN_MASK_PNG; Triton's own words would not say why."""
    server.answer.contract_version = CONTRACT_VERSION - 1
    refuse(server, 400, "INVALID_ARGUMENT", "unexpected inference output 'SKIN_MASK_PNG' for model 'wrinkle_unetpp'")
    with connect(kind, server.url) as client, pytest.raises(ContractError, match="the server is older"):
        client.segment(photo, skin_mask=True)


def test_a_server_of_the_same_version_that_refuses_the_form_says_so_itself(
    server: Any, photo: bytes, kind: str
) -> None:
    refuse(server, 400, "INVALID_ARGUMENT", "unexpected inference output 'SKIN_MASK_PNG' for model 'wrinkle_unetpp'")
    with connect(kind, server.url) as client, pytest.raises(ContractError, match="unexpected inference output"):
        client.segment(photo, skin_mask=True)


def test_a_client_that_has_seen_an_answer_asks_no_more(http_server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, http_server.url) as client:
        client.segment(photo)
        client.wait_ready(5)
    assert not [request for request in http_server.received if request.path in ("/v2",)]


def refuse(server: Any, status: int, code: str, text: str) -> None:
    def over_http(connection: Any, request: Any) -> bool:
        if not request.path.endswith("/infer"):
            return bool(server.behave_well(connection, request))
        body = f'{{"error": "{text}"}}'.encode()
        connection.sendall(f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return True

    def over_grpc(request: Any, context: Any) -> None:
        context.abort(grpc.StatusCode[code], text)

    server.behaviour = over_http if server.url.startswith("http") else over_grpc
