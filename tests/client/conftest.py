"""Servers that misbehave when told to, over real sockets; the healthy real Triton is in test_live_client.py."""

from __future__ import annotations

import io
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import trustme
from PIL import Image
from tritonclient.grpc import service_pb2, service_pb2_grpc

from driven_client import CLIENTS
from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.geometry import CaptureQuality
from wrinkle_core.report import QualityWarning, RegionFigures, Report
from wrinkle_server.triton.model_server import ModelServer

WIDTH_PX, HEIGHT_PX = 40, 30
SERVER_METADATA = {"name": "triton", "version": "2.51.0", "extensions": ["classification", "parameters"]}


def png(pixels: np.ndarray[Any, Any], mode: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode, dither=Image.Dither.NONE).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class Answer:
    """The outputs of an ensemble for a photograph of 40 x 30 pixels; tests change what they need."""

    segmenter: str = "unetpp"
    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX
    contract_version: int = CONTRACT_VERSION
    replaced: dict[str, bytes | None] = field(default_factory=dict)

    @property
    def mask(self) -> np.ndarray[Any, Any]:
        mask = np.zeros((self.height_px, self.width_px), np.uint8)
        mask[10:12, 5:30] = 1
        return mask

    @property
    def levels(self) -> np.ndarray[Any, Any]:
        return np.arange(self.height_px * self.width_px, dtype=np.uint32).reshape(self.mask.shape).astype(np.uint8)

    @property
    def report(self) -> Report:
        return Report(
            contract_version=self.contract_version,
            segmenter=self.segmenter,
            threshold=0.4,
            image_width_px=self.width_px,
            image_height_px=self.height_px,
            interocular_distance_px=9.5,
            whole_face=RegionFigures("whole_face", 0.9, 0.02, 2.0, 0.5, 1.5, 0.1),
            regions=(
                RegionFigures("forehead", 1.0, 0.04, 1.5, 0.5, 1.0, 0.2),
                RegionFigures("chin", 0.0, None, None, None, None, None),
            ),
            quality=CaptureQuality(30.0, 1.0, 2.0, 3.0, 0.5, 0.5, 0.0, 0.0, 0.99, 1.0),
            warnings=(QualityWarning("SMALL_FACE", "The face is 30 px high."),),
        )

    def outputs(self, *, probability: bool) -> dict[str, bytes]:
        made: dict[str, bytes | None] = {
            "MASK_PNG": png(self.mask * np.uint8(255), "1"),
            "PROBABILITY_PNG": png(self.levels, "L") if probability else b"",
            "REPORT_JSON": self.report.to_json(),
        }
        return {name: data for name, data in (made | self.replaced).items() if data is not None}


@dataclass(frozen=True)
class Received:
    """One request as a server saw it."""

    path: str
    model_name: str
    request_id: str
    image: bytes
    parameters: dict[str, bool | float]
    headers: dict[str, str]


@dataclass
class HttpServer:
    """A KServe v2 endpoint over HTTP/1.1; ``behaviour(connection, request)`` returns whether to keep the connection."""

    listener: socket.socket
    answer: Answer = field(default_factory=Answer)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    behaviour: Callable[[socket.socket, Received], bool] | None = None
    tls: ssl.SSLContext | None = None
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        behave = self.behaviour or self.behave_well
        # In several tests the client goes away first, or does not like our certificate.
        with suppress(OSError):
            encrypted = shake_hands(self.tls, connection) if self.tls else connection
            with encrypted, encrypted.makefile("rb") as stream:
                while (request := read_request(stream)) is not None:
                    self.received.append(request)
                    if not behave(encrypted, request):
                        return

    def behave_well(self, connection: socket.socket, request: Received) -> bool:
        if request.path.endswith("/infer"):
            connection.sendall(http_inference(self.answer, request))
        elif request.path.endswith("/v2"):
            connection.sendall(http_reply(200, json.dumps(SERVER_METADATA).encode()))
        elif request.path.endswith("/config"):
            version = {"contract_version": {"string_value": str(self.answer.contract_version)}}
            connection.sendall(http_reply(200, json.dumps({"parameters": version}).encode()))
        elif "/models/" in request.path and not request.path.endswith("/ready"):
            connection.sendall(http_reply(200, json.dumps({"name": request.model_name, "versions": ["1"]}).encode()))
        else:
            connection.sendall(http_reply(200, b""))
        return True

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self._open:
            with suppress(OSError):  # already gone
                connection.shutdown(socket.SHUT_RDWR)


def shake_hands(tls: ssl.SSLContext, connection: socket.socket) -> ssl.SSLSocket:
    """Return the encrypted connection; a refusal is sent whole: closing with unread bytes would reset it away."""
    encrypted = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
    try:
        encrypted.do_handshake()
    except ssl.SSLError:
        with socket.socket(fileno=encrypted.detach()) as refused:
            refused.settimeout(1.0)
            refused.shutdown(socket.SHUT_WR)
            while refused.recv(65536):
                pass
        raise
    return encrypted


def read_request(stream: Any) -> Received | None:
    head = stream.readline().split()
    if len(head) != 3 or head[2] != b"HTTP/1.1":
        return None
    path = head[1].decode()
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get(b"content-length", 0)))
    json_bytes = int(headers.get(b"inference-header-content-length", 0))
    header = json.loads(body[:json_bytes]) if json_bytes else {}
    model_name = path.split("/models/")[1].split("/")[0] if "/models/" in path else ""
    named = {name.decode(): value.decode() for name, value in headers.items()}
    return Received(path, model_name, header.get("id", ""), body[json_bytes:], header.get("parameters", {}), named)


def http_reply(status: int, body: bytes, extra: str = "") -> bytes:
    return f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def http_inference(answer: Answer, request: Received) -> bytes:
    outputs = answer.outputs(probability=bool(request.parameters.get("probability")))
    described = [
        {"name": name, "datatype": "UINT8", "shape": [len(data)], "parameters": {"binary_data_size": len(data)}}
        for name, data in outputs.items()
    ]
    named = {"id": request.request_id, "model_name": request.model_name, "model_version": "7"}
    header = json.dumps({**named, "outputs": described}).encode()
    return http_reply(200, header + b"".join(outputs.values()), f"Inference-Header-Content-Length: {len(header)}\r\n")


class GrpcServer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """A KServe v2 endpoint over gRPC; ``behaviour`` replaces inference, ``ready_behaviour`` readiness."""

    def __init__(self) -> None:
        self.url = ""
        self.answer = Answer()
        self.received: list[Received] = []
        self.behaviour: Callable[[Any, grpc.ServicerContext], Any] | None = None
        self.ready_behaviour: Callable[[Any, grpc.ServicerContext], Any] | None = None

    def ServerLive(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return service_pb2.ServerLiveResponse(live=True)

    def ServerReady(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return service_pb2.ServerReadyResponse(ready=True)

    def ServerMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return service_pb2.ServerMetadataResponse(**SERVER_METADATA)

    def ModelConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        response = service_pb2.ModelConfigResponse()
        response.config.parameters["contract_version"].string_value = str(self.answer.contract_version)
        return response

    def ModelReady(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        if self.ready_behaviour is not None:
            return self.ready_behaviour(request, context)
        return service_pb2.ModelReadyResponse(ready=True)

    def ModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return service_pb2.ModelMetadataResponse(name=request.name, versions=["1"])

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        kinds = {key: getattr(value, value.WhichOneof("parameter_choice")) for key, value in request.parameters.items()}
        metadata = dict(context.invocation_metadata())
        image = request.raw_input_contents[0]
        self.received.append(Received("", request.model_name, request.id, image, kinds, metadata))
        return (self.behaviour or self.behave_well)(request, context)

    def behave_well(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="7", id=request.id)
        for name, data in self.answer.outputs(probability="probability" in request.parameters).items():
            response.outputs.add(name=name, datatype="UINT8", shape=[len(data)])
            response.raw_output_contents.append(data)
        return response


@contextmanager
def serving_http(tls: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    server = HttpServer(socket.create_server(("127.0.0.1", 0)), tls=tls)
    thread = threading.Thread(target=server.accept, daemon=True)
    thread.start()
    yield server
    server.stop()
    thread.join(5)


@contextmanager
def serving_grpc(tls: grpc.ServerCredentials | None = None) -> Iterator[GrpcServer]:
    servicer = GrpcServer()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    address = "127.0.0.1:0"
    port = server.add_insecure_port(address) if tls is None else server.add_secure_port(address, tls)
    servicer.url = f"grpc{'' if tls is None else 's'}://127.0.0.1:{port}"
    server.start()
    yield servicer
    server.stop(0).wait(5)


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    with serving_http() as server:
        yield server


@pytest.fixture
def grpc_server() -> Iterator[GrpcServer]:
    with serving_grpc() as server:
        yield server


@dataclass(frozen=True)
class Authority:
    """A certificate authority that exists for one test run, and its files."""

    ca: trustme.CA
    file: Path
    server: trustme.LeafCert
    client_certificate: tuple[Path, Path]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("certificates")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    client = ca.issue_cert("client@example.org")
    client.private_key_pem.write_to_path(str(folder / "client.key"))
    for blob in client.cert_chain_pems:
        blob.write_to_path(str(folder / "client.pem"), append=True)
    return Authority(ca, folder / "ca.pem", ca.issue_cert("127.0.0.1"), (folder / "client.pem", folder / "client.key"))


@contextmanager
def serving_tls(protocol: str, authority: Authority, *, ask_client: bool) -> Iterator[Any]:
    """Serve over TLS; with ``ask_client`` only to clients that show a certificate of ``authority``."""
    if protocol == "http":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.server.configure_cert(tls)
        if ask_client:
            authority.ca.configure_trust(tls)
            tls.verify_mode = ssl.CERT_REQUIRED
        with serving_http(tls) as http_server:
            yield http_server
        return
    pair = (authority.server.private_key_pem.bytes(), authority.server.cert_chain_pems[0].bytes())
    root = authority.ca.cert_pem.bytes() if ask_client else None
    with serving_grpc(grpc.ssl_server_credentials([pair], root, ask_client)) as grpc_server:
        yield grpc_server


@pytest.fixture(params=["http", "grpc"])
def tls_server(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Any]:
    """Return a server of each protocol over TLS."""
    with serving_tls(request.param, authority, ask_client=False) as server:
        yield server


@pytest.fixture(params=["http", "grpc"])
def mutual_tls_server(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Any]:
    """Return a server of each protocol that asks for a client certificate."""
    with serving_tls(request.param, authority, ask_client=True) as server:
        yield server


@pytest.fixture(params=CLIENTS)
def kind(request: pytest.FixtureRequest) -> str:
    """Return ``sync`` and ``async`` in turn, for what both clients must do; see ``driven_client.connect``."""
    return str(request.param)


@pytest.fixture(params=["http", "grpc"])
def server(request: pytest.FixtureRequest) -> Any:
    """Return a server of each protocol in turn, for what must be the same over both."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture(scope="session")
def live_urls(live_server: ModelServer) -> dict[str, str]:
    """Return the real server's URL by protocol."""
    options = live_server.options
    return {
        "http": f"http://{options.host}:{options.http_port}",
        "grpc": f"grpc://{options.host}:{options.grpc_port}",
    }


@pytest.fixture
def flat_png() -> bytes:
    """Return a picture without a face."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="session")
def closed_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def photo() -> bytes:
    """Return a JPEG of 40 x 30 pixels."""
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTH_PX, HEIGHT_PX), (180, 140, 120)).save(buffer, "JPEG")
    return buffer.getvalue()
