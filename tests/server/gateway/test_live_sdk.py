"""The SDK and tritonclient reach the real Triton through the gateway, with and without TLS and tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http

from wrinkle_client.client import Client
from wrinkle_core.errors import (
    ImageTooLargeError,
    InvalidImageError,
    UnauthorizedError,
)
from wrinkle_server.gateway.tokens import new_token
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_sdk_segments_through_the_gateway(open_port: int, grace_hopper_jpeg: bytes, scheme: str) -> None:
    with Client(f"{scheme}://127.0.0.1:{open_port}") as client:
        assert client.health().ready
        client.wait_ready(10.0)
        assert {info.ready for info in client.models()} == {True}
        result = client.segment(grace_hopper_jpeg, probability=True)
    assert result.mask.shape == (600, 512)
    assert result.mask.any()


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_sdk_with_a_token_segments_over_tls(
    secure_port: int, live_token: str, certificates: Any, grace_hopper_jpeg: bytes, scheme: str
) -> None:
    url = f"{scheme}://localhost:{secure_port}"
    with Client(url, token=live_token, ca_file=certificates.authority) as client:
        client.wait_ready(10.0)
        assert client.segment(grace_hopper_jpeg).mask.any()


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_sdk_tells_a_refused_token_and_a_refused_size(
    secure_port: int, live_token: str, certificates: Any, grace_hopper_jpeg: bytes, scheme: str
) -> None:
    url = f"{scheme}://localhost:{secure_port}"
    with Client(url, token=new_token("stranger").token, ca_file=certificates.authority) as stranger:
        with pytest.raises(UnauthorizedError):
            stranger.segment(grace_hopper_jpeg)
    padded = grace_hopper_jpeg + bytes(2 * 1024 * 1024)
    with Client(url, token=live_token, ca_file=certificates.authority) as client, pytest.raises(ImageTooLargeError):
        client.segment(padded)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_error_of_a_step_keeps_its_type_through_the_gateway(open_port: int, scheme: str) -> None:
    with Client(f"{scheme}://127.0.0.1:{open_port}") as client, pytest.raises(InvalidImageError):
        client.segment(b"no image")


@pytest.mark.parametrize("protocol_client", [tritonclient.http, tritonclient.grpc], ids=["http", "grpc"])
def test_tritonclient_with_a_token_gets_the_same_answer_as_without_the_gateway(
    live_port: int, live_token: str, live_server: ModelServer, grace_hopper_jpeg: bytes, protocol_client: Any
) -> None:
    image = np.frombuffer(grace_hopper_jpeg, np.uint8)
    direct = live_server.options.http_port if protocol_client is tritonclient.http else live_server.options.grpc_port
    answers = []
    for at, headers in ((direct, {}), (live_port, {"authorization": f"Bearer {live_token}"})):
        with protocol_client.InferenceServerClient(f"127.0.0.1:{at}") as client:
            tensor = protocol_client.InferInput("IMAGE", [image.size], "UINT8")
            tensor.set_data_from_numpy(image)
            answers.append(client.infer("wrinkle_unetpp", [tensor], headers=headers).as_numpy("MASK_PNG").tobytes())
    assert answers[0] == answers[1]
