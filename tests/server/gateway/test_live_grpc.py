"""The allow-list over gRPC before the real Triton: methods, their spelling, and the models named in messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import tritonclient.grpc.service_pb2 as protocol

from wrinkle_core.errors import (
    ModelNotFoundError,
    from_wire,
)
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

SERVICE = "/inference.GRPCInferenceService/"
METHODS = tuple(protocol.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name)
OFFERED_METHODS = ("ServerLive", "ServerReady", "ModelReady", "ModelMetadata", "ModelInfer")


@pytest.fixture
def channel(live_port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{live_port}") as opened:
        yield opened


def call(channel: grpc.Channel, token: str, path: str, message: bytes) -> bytes:
    raw = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    answer: bytes = raw(message, metadata=[("authorization", f"Bearer {token}")], timeout=30)
    return answer


@pytest.mark.parametrize("method", [name for name in METHODS if name not in OFFERED_METHODS])
def test_grpc_method_that_is_not_offered_is_unimplemented(channel: grpc.Channel, live_token: str, method: str) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        call(channel, live_token, SERVICE + method, b"")
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "path",
    [
        "/inference.GRPCInferenceService//RepositoryIndex",
        "//inference.GRPCInferenceService/RepositoryIndex",
        "/inference.GRPCInferenceService/./RepositoryIndex",
        "/inference.GRPCInferenceService/ModelInfer/../RepositoryIndex",
        "/inference.GRPCInferenceService/%52epositoryIndex",
        "/inference.GRPCInferenceService%2fRepositoryIndex",
        "/INFERENCE.GRPCInferenceService/RepositoryIndex",
        "/inference.GRPCInferenceService/RepositoryIndex?x",
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_grpc_path_trick_is_blocked(channel: grpc.Channel, live_token: str, path: str) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        call(channel, live_token, path, b"")
    assert failed.value.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT)


def test_every_offered_grpc_method_answers(channel: grpc.Channel, live_token: str, grace_hopper_jpeg: bytes) -> None:
    assert protocol.ServerLiveResponse.FromString(call(channel, live_token, f"{SERVICE}ServerLive", b"")).live
    assert protocol.ServerReadyResponse.FromString(call(channel, live_token, f"{SERVICE}ServerReady", b"")).ready
    ready = protocol.ModelReadyRequest(name="wrinkle_unetpp").SerializeToString()
    assert protocol.ModelReadyResponse.FromString(call(channel, live_token, f"{SERVICE}ModelReady", ready)).ready
    about = protocol.ModelMetadataRequest(name="unetpp").SerializeToString()
    assert protocol.ModelMetadataResponse.FromString(
        call(channel, live_token, f"{SERVICE}ModelMetadata", about)
    ).versions == ["1"]
    answer = protocol.ModelInferResponse.FromString(
        call(
            channel,
            live_token,
            f"{SERVICE}ModelInfer",
            infer_request("wrinkle_unetpp", grace_hopper_jpeg).SerializeToString(),
        )
    )
    assert {output.name for output in answer.outputs} == {
        "GEOMETRY", "MASK_PNG", "PROBABILITY_PNG", "REPORT_JSON", "SKIN_MASK_PNG"
    }  # fmt: skip


def infer_request(model: str, photo: bytes) -> Any:
    tensor = protocol.ModelInferRequest.InferInputTensor(name="IMAGE", datatype="UINT8", shape=[len(photo)])
    return protocol.ModelInferRequest(model_name=model, inputs=[tensor], raw_input_contents=[photo])


def named(*names: str) -> bytes:
    """Return a message whose first field stands there once per name; a protobuf reader keeps the last."""
    return b"".join(protocol.ModelReadyRequest(name=name).SerializeToString() for name in names)


@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata", "ModelInfer"])
@pytest.mark.parametrize(
    "names",
    [
        ("skin_mask",),
        ("threshold",),
        ("",),
        ("WRINKLE_UNETPP",),
        ("wrinkle_unetpp\x00",),
        ("no_such_model",),
        ("wrinkle_unetpp", "skin_mask"),
        ("skin_mask", "wrinkle_unetpp", "skin_mask"),
    ],
    ids=repr,
)
def test_grpc_model_that_is_not_offered_is_not_found(
    channel: grpc.Channel, live_token: str, method: str, names: tuple[str, ...]
) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        call(channel, live_token, SERVICE + method, named(*names))
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    assert isinstance(from_wire(failed.value.details()), ModelNotFoundError)


def test_grpc_restricted_api_stays_closed_with_its_key(
    channel: grpc.Channel, live_token: str, live_server: ModelServer
) -> None:
    metadata = [
        ("authorization", f"Bearer {live_token}"),
        ("triton-grpc-protocol-admin-key", live_server.admin.admin_key),
    ]
    raw = channel.unary_unary(f"{SERVICE}RepositoryIndex", request_serializer=None, response_deserializer=None)
    with pytest.raises(grpc.RpcError) as failed:
        raw(b"", metadata=metadata, timeout=10)
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_grpc_without_a_token_is_unauthenticated(channel: grpc.Channel) -> None:
    for method in METHODS:
        with pytest.raises(grpc.RpcError) as failed:
            call(channel, "", SERVICE + method, b"")
        assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_malformed_grpc_message_is_refused_and_the_server_goes_on(channel: grpc.Channel, live_token: str) -> None:
    for message in (b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a"):
        with pytest.raises(grpc.RpcError) as failed:
            call(channel, live_token, f"{SERVICE}ModelInfer", message)
        assert failed.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    assert call(channel, live_token, f"{SERVICE}ServerLive", b"")
