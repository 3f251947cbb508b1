"""The allow-list in front of the real Triton: what is offered works; anything else, in whatever form, does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.service_pb2 as protocol
import tritonclient.http

from gateway_setup import HttpBackend, Reply, send, send_raw, until
from wrinkle_client.client import Client
from wrinkle_core.errors import ImageTooLargeError, InvalidImageError, ModelNotFoundError, UnauthorizedError, from_wire
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.gateway.tokens import new_token
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.ports import free_ports

pytestmark = pytest.mark.live

SERVICE = "/inference.GRPCInferenceService/"
METHODS = tuple(protocol.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name)
OFFERED_METHODS = ("ServerLive", "ServerReady", "ModelReady", "ModelMetadata", "ModelInfer")
MANY = GatewayLimits(requests_per_minute=100_000, burst=100_000)

OFFERED = [
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/wrinkle_unetpp"),
    ("GET", "/v2/models/wrinkle_unetpp/ready"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/1/ready"),
    ("GET", "/v2/models/wrinkle_unet_texture/versions/1"),
    ("GET", "/v2/models/unetpp/ready"),
    ("GET", "/v2//models/wrinkle_unetpp/ready"),  # normalised to an offered address
    ("GET", "/v2/./models/../models/wrinkle_unetpp/ready"),
]

NOT_OFFERED = [
    ("POST", "/v2/repository/index"),
    ("POST", "/v2/repository/models/wrinkle_unetpp/load"),
    ("POST", "/v2/repository/models/wrinkle_unetpp/unload"),
    ("GET", "/v2/systemsharedmemory/status"),
    ("POST", "/v2/systemsharedmemory/region/x/register"),
    ("POST", "/v2/systemsharedmemory/unregister"),
    ("GET", "/v2/cudasharedmemory/status"),
    ("GET", "/v2/trace/setting"),
    ("POST", "/v2/trace/setting"),
    ("GET", "/v2/models/wrinkle_unetpp/trace/setting"),
    ("GET", "/v2/logging"),
    ("POST", "/v2/logging"),
    ("GET", "/v2/models/stats"),
    ("GET", "/v2/models/wrinkle_unetpp/stats"),
    ("GET", "/v2/models/wrinkle_unetpp/config"),
    ("POST", "/v2/models/wrinkle_unetpp/generate"),
    ("POST", "/v2/models/wrinkle_unetpp/generate_stream"),
    ("GET", "/metrics"),
    ("GET", "/livez"),
    ("GET", "/"),
    # steps that are reached through an ensemble only
    ("POST", "/v2/models/skin_mask/infer"),
    ("POST", "/v2/models/threshold/infer"),
    ("GET", "/v2/models/skin_mask"),
    # doubled and escaped slashes, dots
    ("POST", "//v2//repository//index"),
    ("POST", "/v2/./repository/index"),
    ("POST", "/v2/repository/./index"),
    ("POST", "/v2/models/../repository/index"),
    ("POST", "/v2/models/wrinkle_unetpp/../../repository/index"),
    ("POST", "/v2/%2e/repository/index"),
    ("POST", "/v2/models/%2e%2e/repository/index"),
    ("POST", "/v2/models/%2E%2E/repository/index"),
    ("POST", "/v2/models/..%2frepository/index"),
    ("POST", "/v2%2frepository/index"),
    ("POST", "/v2%2Frepository%2Findex"),
    ("POST", "/v2%5crepository%5cindex"),
    ("POST", "/v2\\repository\\index"),
    ("POST", "/v2/models/wrinkle_unetpp/infer/../../../repository/index"),
    ("POST", "/v2/models/wrinkle_unetpp/infer%2f..%2f..%2f..%2frepository%2findex"),
    ("POST", "/v2/models/%252e%252e/repository/index"),
    # escapes of letters, case
    ("POST", "/v2/%72epository/index"),
    ("POST", "/V2/repository/index"),
    ("POST", "/v2/Repository/Index"),
    ("GET", "/V2/models/wrinkle_unetpp"),
    ("GET", "/v2/models/WRINKLE_UNETPP"),
    # parameters, queries, trailing things
    ("POST", "/v2/repository/index;x=1"),
    ("POST", "/v2/models/wrinkle_unetpp/infer;/../../repository/index"),
    ("POST", "/v2/repository;/index"),
    ("POST", "/v2/repository/index?ready=true"),
    ("POST", "/v2/models/wrinkle_unetpp/infer?x=1"),
    ("GET", "/v2/models/wrinkle_unetpp?/../repository"),
    ("GET", "/v2/models/wrinkle_unetpp/ready/"),
    ("GET", "/v2/models/wrinkle_unetpp/"),
    ("GET", "/v2/models/wrinkle_unetpp%00"),
    ("GET", "/v2/models/wrinkle_unetpp%20"),
    ("POST", "/v2/models/wrinkle_unetpp/infer#/../../repository/index"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/0"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/-1"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/../../../logging"),
    # other methods and targets
    ("GET", "/v2/models/wrinkle_unetpp/infer"),
    ("PUT", "/v2/models/wrinkle_unetpp/infer"),
    ("POST", "/v2/models/wrinkle_unetpp"),
    ("HEAD", "/v2/models/wrinkle_unetpp"),
    ("OPTIONS", "*"),
    ("TRACE", "/v2"),
    ("CONNECT", "127.0.0.1:8000"),
    ("post", "/v2/models/wrinkle_unetpp/infer"),
    ("POST", "http://127.0.0.1:8000/v2/repository/index"),
    ("POST", "http://localhost/v2/models/../repository/index"),
    ("POST", "v2/repository/index"),
]


@pytest.fixture(scope="module")
def token_line() -> Any:
    return new_token("clinic-a")


@pytest.fixture(scope="module")
def behind(live_server: ModelServer) -> Iterator[Backend]:
    """Return the real Triton, with a supervisor that says it is ready."""
    options = live_server.options
    with HttpBackend() as supervisor:
        yield Backend(options.host, options.http_port, options.grpc_port, supervisor.ports[2])


@pytest.fixture(scope="module")
def port(behind: Backend, token_line: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("gateway")
    token_file = folder / "tokens"
    token_file.touch(0o600)
    token_file.write_text(token_line.line, encoding="utf-8")
    (port,) = free_ports(1)
    options = GatewayOptions((behind,), port=port, token_file=token_file, access_log=folder / "log", limits=MANY)
    with Gateway(options) as gateway:
        assert until(lambda: ask(port, token_line.token, "GET", "/v2/health/ready").status == 200)
        yield gateway.options.port


@pytest.fixture(scope="module")
def open_port(behind: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return a gateway on loopback that asks for no token, as the SDK's plain URLs reach it."""
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("gateway") / "log"
    with Gateway(GatewayOptions((behind,), port=port, access_log=log, limits=MANY)):
        assert until(lambda: send(port, "GET", "/v2/health/ready").status == 200)
        yield port


@pytest.fixture
def token(token_line: Any) -> str:
    drawn: str = token_line.token
    return drawn


@pytest.fixture
def channel(port: int) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened


def ask(port: int, token: str, method: str, target: str, extra: str = "") -> Reply:
    length = "Content-Length: 2\r\n" if method.upper() in ("POST", "PUT") else ""
    extra = f"Authorization: Bearer {token}\r\n{length}{extra}Connection: close\r\n"
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\n{extra}\r\n"
    return send_raw(port, head.encode() + (b"{}" if length else b""))


def call(channel: grpc.Channel, token: str, path: str, message: bytes) -> bytes:
    raw = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    answer: bytes = raw(message, metadata=[("authorization", f"Bearer {token}")], timeout=30)
    return answer


@pytest.mark.parametrize(("method", "target"), OFFERED)
def test_offered_address_works(port: int, token: str, method: str, target: str) -> None:
    assert ask(port, token, method, target).status == 200


@pytest.mark.parametrize(("method", "target"), NOT_OFFERED)
def test_address_that_is_not_offered_is_blocked(
    port: int, token: str, live_server: ModelServer, method: str, target: str
) -> None:
    """The key of Triton's restricted APIs changes nothing; without the gateway it opens them (next test)."""
    reply = ask(port, token, method, target, f"admin-key: {live_server.admin.admin_key}\r\n")
    assert reply.status in (400, 403, 404)


def test_restricted_api_is_really_there_behind_the_gateway(live_server: ModelServer, port: int, token: str) -> None:
    key = f"admin-key: {live_server.admin.admin_key}\r\n"
    assert ask(live_server.options.http_port, token, "POST", "/v2/repository/index", key).status == 200
    assert ask(port, token, "POST", "/v2/repository/index", key).status == 404


@pytest.mark.parametrize(
    "name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"]
)
def test_override_headers_change_nothing(port: int, token: str, live_server: ModelServer, name: str) -> None:
    extra = f"admin-key: {live_server.admin.admin_key}\r\n{name}: "
    assert ask(port, token, "POST", "/v2/models/wrinkle_unetpp", f"{extra}GET\r\n").status == 404
    assert (
        b"wrinkle_unetpp"
        in ask(port, token, "GET", "/v2/models/wrinkle_unetpp", f"{extra}/v2/repository/index\r\n").body
    )


@pytest.mark.parametrize("method", [name for name in METHODS if name not in OFFERED_METHODS])
def test_grpc_method_that_is_not_offered_is_unimplemented(channel: grpc.Channel, token: str, method: str) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        call(channel, token, SERVICE + method, b"")
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
def test_grpc_path_trick_is_blocked(channel: grpc.Channel, token: str, path: str) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        call(channel, token, path, b"")
    assert failed.value.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT)


def test_every_offered_grpc_method_answers(channel: grpc.Channel, token: str, grace_hopper_jpeg: bytes) -> None:
    assert protocol.ServerLiveResponse.FromString(call(channel, token, f"{SERVICE}ServerLive", b"")).live
    assert protocol.ServerReadyResponse.FromString(call(channel, token, f"{SERVICE}ServerReady", b"")).ready
    ready = protocol.ModelReadyRequest(name="wrinkle_unetpp").SerializeToString()
    assert protocol.ModelReadyResponse.FromString(call(channel, token, f"{SERVICE}ModelReady", ready)).ready
    about = protocol.ModelMetadataRequest(name="unetpp").SerializeToString()
    assert protocol.ModelMetadataResponse.FromString(
        call(channel, token, f"{SERVICE}ModelMetadata", about)
    ).versions == ["1"]
    answer = protocol.ModelInferResponse.FromString(
        call(
            channel,
            token,
            f"{SERVICE}ModelInfer",
            infer_request("wrinkle_unetpp", grace_hopper_jpeg).SerializeToString(),
        )
    )
    assert {output.name for output in answer.outputs} == {"MASK_PNG", "PROBABILITY_PNG", "REPORT_JSON"}


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
    channel: grpc.Channel, token: str, method: str, names: tuple[str, ...]
) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        call(channel, token, SERVICE + method, named(*names))
    assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    assert isinstance(from_wire(failed.value.details()), ModelNotFoundError)


def test_grpc_restricted_api_stays_closed_with_its_key(
    channel: grpc.Channel, token: str, live_server: ModelServer
) -> None:
    metadata = [("authorization", f"Bearer {token}"), ("triton-grpc-protocol-admin-key", live_server.admin.admin_key)]
    raw = channel.unary_unary(f"{SERVICE}RepositoryIndex", request_serializer=None, response_deserializer=None)
    with pytest.raises(grpc.RpcError) as failed:
        raw(b"", metadata=metadata, timeout=10)
    assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_grpc_without_a_token_is_unauthenticated(channel: grpc.Channel) -> None:
    for method in METHODS:
        with pytest.raises(grpc.RpcError) as failed:
            call(channel, "", SERVICE + method, b"")
        assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_malformed_grpc_message_is_refused_and_the_server_goes_on(channel: grpc.Channel, token: str) -> None:
    for message in (b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a"):
        with pytest.raises(grpc.RpcError) as failed:
            call(channel, token, f"{SERVICE}ModelInfer", message)
        assert failed.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    assert call(channel, token, f"{SERVICE}ServerLive", b"")


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_sdk_segments_through_the_gateway(open_port: int, grace_hopper_jpeg: bytes, scheme: str) -> None:
    with Client(f"{scheme}://127.0.0.1:{open_port}") as client:
        assert client.health().ready
        client.wait_ready(10.0)
        assert {info.ready for info in client.models()} == {True}
        result = client.segment(grace_hopper_jpeg, probability=True)
    assert result.mask.shape == (600, 512)
    assert result.mask.any()


@pytest.fixture(scope="module")
def secure_port(
    behind: Backend, token_line: Any, certificates: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Return a gateway as others on a network would reach it: TLS and tokens, bodies up to 1 MiB."""
    folder = tmp_path_factory.mktemp("gateway")
    token_file = folder / "tokens"
    token_file.touch(0o600)
    token_file.write_text(token_line.line, encoding="utf-8")
    options = GatewayOptions(
        (behind,),
        host="0.0.0.0",
        port=free_ports(1)[0],
        certificate=certificates.certificate,
        private_key=certificates.private_key,
        token_file=token_file,
        access_log=folder / "log",
        limits=GatewayLimits(max_body_bytes=1024 * 1024),
    )
    with Gateway(options) as gateway:
        assert until(lambda: gateway.healthy_backends == 1)
        yield options.port


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_sdk_with_a_token_segments_over_tls(
    secure_port: int, token: str, certificates: Any, grace_hopper_jpeg: bytes, scheme: str
) -> None:
    url = f"{scheme}://localhost:{secure_port}"
    with Client(url, token=token, ca_file=certificates.authority) as client:
        client.wait_ready(10.0)
        assert client.segment(grace_hopper_jpeg).mask.any()


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_sdk_tells_a_refused_token_and_a_refused_size(
    secure_port: int, token: str, certificates: Any, grace_hopper_jpeg: bytes, scheme: str
) -> None:
    url = f"{scheme}://localhost:{secure_port}"
    with Client(url, token=new_token("stranger").token, ca_file=certificates.authority) as stranger:
        with pytest.raises(UnauthorizedError):
            stranger.segment(grace_hopper_jpeg)
    padded = grace_hopper_jpeg + bytes(2 * 1024 * 1024)
    with Client(url, token=token, ca_file=certificates.authority) as client, pytest.raises(ImageTooLargeError):
        client.segment(padded)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_error_of_a_step_keeps_its_type_through_the_gateway(open_port: int, scheme: str) -> None:
    with Client(f"{scheme}://127.0.0.1:{open_port}") as client, pytest.raises(InvalidImageError):
        client.segment(b"no image")


@pytest.mark.parametrize("protocol_client", [tritonclient.http, tritonclient.grpc], ids=["http", "grpc"])
def test_tritonclient_with_a_token_gets_the_same_answer_as_without_the_gateway(
    port: int, token: str, live_server: ModelServer, grace_hopper_jpeg: bytes, protocol_client: Any
) -> None:
    image = np.frombuffer(grace_hopper_jpeg, np.uint8)
    direct = live_server.options.http_port if protocol_client is tritonclient.http else live_server.options.grpc_port
    answers = []
    for at, headers in ((direct, {}), (port, {"authorization": f"Bearer {token}"})):
        with protocol_client.InferenceServerClient(f"127.0.0.1:{at}") as client:
            tensor = protocol_client.InferInput("IMAGE", [image.size], "UINT8")
            tensor.set_data_from_numpy(image)
            answers.append(client.infer("wrinkle_unetpp", [tensor], headers=headers).as_numpy("MASK_PNG").tobytes())
    assert answers[0] == answers[1]
