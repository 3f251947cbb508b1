"""Servers that misbehave when told to, over real sockets; the healthy real Triton is in test_live_client.py."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from tritonclient.grpc import service_pb2, service_pb2_grpc

from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.geometry import CaptureQuality
from wrinkle_core.report import QualityWarning, RegionFigures, Report

WIDTH_PX, HEIGHT_PX = 40, 30


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


@dataclass
class HttpServer:
    """A KServe v2 endpoint over HTTP/1.1; ``behaviour(connection, request)`` returns whether to keep the connection."""

    listener: socket.socket
    answer: Answer = field(default_factory=Answer)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    behaviour: Callable[[socket.socket, Received], bool] | None = None
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                self._open.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        behave = self.behaviour or self.behave_well
        # In several tests the client goes away first.
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while (request := read_request(stream)) is not None:
                self.received.append(request)
                if not behave(connection, request):
                    return

    def behave_well(self, connection: socket.socket, request: Received) -> bool:
        if request.path.endswith("/infer"):
            connection.sendall(http_inference(self.answer, request))
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
    return Received(path, model_name, header.get("id", ""), body[json_bytes:], header.get("parameters", {}))


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

    def ModelReady(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        if self.ready_behaviour is not None:
            return self.ready_behaviour(request, context)
        return service_pb2.ModelReadyResponse(ready=True)

    def ModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return service_pb2.ModelMetadataResponse(name=request.name, versions=["1"])

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        kinds = {key: getattr(value, value.WhichOneof("parameter_choice")) for key, value in request.parameters.items()}
        self.received.append(Received("", request.model_name, request.id, request.raw_input_contents[0], kinds))
        return (self.behaviour or self.behave_well)(request, context)

    def behave_well(self, request: Any, context: grpc.ServicerContext) -> Any:
        response = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="7", id=request.id)
        for name, data in self.answer.outputs(probability="probability" in request.parameters).items():
            response.outputs.add(name=name, datatype="UINT8", shape=[len(data)])
            response.raw_output_contents.append(data)
        return response


@pytest.fixture
def http_server() -> Iterator[HttpServer]:
    server = HttpServer(socket.create_server(("127.0.0.1", 0)))
    thread = threading.Thread(target=server.accept, daemon=True)
    thread.start()
    yield server
    server.stop()
    thread.join(5)


@pytest.fixture
def grpc_server() -> Iterator[GrpcServer]:
    servicer = GrpcServer()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    servicer.url = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield servicer
    server.stop(0).wait(5)


@pytest.fixture(params=["http", "grpc"])
def server(request: pytest.FixtureRequest) -> Any:
    """Return a server of each protocol in turn, for what must be the same over both."""
    return request.getfixturevalue(f"{request.param}_server")


@pytest.fixture
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
