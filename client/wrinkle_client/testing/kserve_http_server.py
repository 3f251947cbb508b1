"""KServe v2 over HTTP/1.1 with the binary tensor extension, for the fake server.

Source: Triton ``docs/protocol/extension_binary_data.md``.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import numpy as np

from wrinkle_client.testing.fake_backend import FakeBackend
from wrinkle_client.transports.messages import InferenceRequest, RawAnswer, Tensor, datatype_of
from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.errors import (
    ContractError,
    DeadlineExceededError,
    InvalidInputError,
    ModelNotFoundError,
    ModelNotReadyError,
    OverloadedError,
    ServerUnreachableError,
    UnauthorizedError,
    WrinkleError,
    to_wire,
)

__all__ = ["KServeHttpServer"]

_MAX_BODY_BYTES: Final = 256 * 2**20
_LENGTH_HEADER: Final = "Inference-Header-Content-Length"
_DTYPES: Final = {"UINT8": np.uint8, "FP32": np.float32}
_MODEL_PATH: Final = re.compile(r"/v2/models/(?P<model>[^/]+)(/versions/(?P<version>[^/]+))?(?P<verb>/[a-z]+)?")
_STATUSES: Final[tuple[tuple[type[WrinkleError], int], ...]] = (
    (InvalidInputError, http.client.BAD_REQUEST),
    (ContractError, http.client.BAD_REQUEST),
    (UnauthorizedError, http.client.UNAUTHORIZED),
    (ModelNotFoundError, http.client.NOT_FOUND),
    (OverloadedError, http.client.SERVICE_UNAVAILABLE),
    (ModelNotReadyError, http.client.SERVICE_UNAVAILABLE),
    (DeadlineExceededError, http.client.GATEWAY_TIMEOUT),
)


class KServeHttpServer(ThreadingHTTPServer):
    """One listening port; a thread per connection."""

    request_queue_size = 1024
    daemon_threads = False
    block_on_close = True

    def __init__(self, backend: FakeBackend, port: int) -> None:
        """Listen on a loopback port; 0 takes a free one."""
        self.backend = backend
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and wait for every thread."""
        self.shutdown()
        for connection in tuple(self._open):
            self._hang_up(connection)
        self.server_close()
        self._thread.join()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""

    def _hang_up(self, connection: socket.socket) -> None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            self._open.discard(connection)  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: KServeHttpServer

    def do_GET(self) -> None:
        """Answer health and metadata."""
        if self.path in ("/v2/health/live", "/v2/health/ready"):
            self._reply(http.client.OK, b"")
        elif self.path in ("/v2", "/v2/"):
            self._reply_json(http.client.OK, {"name": "wrinkle-serving", "version": str(CONTRACT_VERSION)})
        else:
            self._typed(self._about_model)

    def do_POST(self) -> None:
        """Answer an inference."""
        self._typed(self._infer)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _typed(self, answer: Any) -> None:
        try:
            answer()
        except ServerUnreachableError:
            self.close_connection = True
        except WrinkleError as error:
            status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
            retry_after_s = getattr(error, "retry_after_s", None)
            headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
            self._reply_json(status, {"error": to_wire(error)}, headers)

    def _about_model(self) -> None:
        model, _, verb = self._model()
        self.server.backend.require_model(model)
        if verb == "/ready":
            self._reply(http.client.OK, b"")
        elif verb == "/config":
            version = {"string_value": str(CONTRACT_VERSION)}
            self._reply_json(http.client.OK, {"name": model, "parameters": {"contract_version": version}})
        else:
            self._reply_json(http.client.OK, {"name": model, "versions": ["1"]})

    def _infer(self) -> None:
        body = self._body()
        model, version, _ = self._model()
        request = _read_request(model, version, body, self.headers.get(_LENGTH_HEADER))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.backend.infer(request, "http", headers)
        head, tensors = _write_answer(model, answer)
        self._reply(http.client.OK, head + b"".join(tensors), {_LENGTH_HEADER: str(len(head))})

    def _model(self) -> tuple[str, str, str]:
        found = _MODEL_PATH.fullmatch(self.path)
        if found is None:
            raise ModelNotFoundError("There is no such address.")
        return found["model"], found["version"] or "", found["verb"] or ""

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY_BYTES:
            raise InvalidInputError(f"The body has {length} bytes, more than a fake server takes.")
        body = self.rfile.read(length)
        coding = self.headers.get("Content-Encoding", "identity")
        if coding == "gzip":
            return gzip.decompress(body)
        return zlib.decompress(body) if coding == "deflate" else body

    def _reply_json(self, status: int, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _read_request(model: str, version: str, body: bytes, head_bytes: str | None) -> InferenceRequest:
    """Return what a body asks: a JSON head and tensors, or nothing but a photograph when the head has no bytes."""
    if head_bytes == "0":
        return InferenceRequest(model, {"IMAGE": np.frombuffer(body, np.uint8)}, (), "", version)
    split = len(body) if head_bytes is None else int(head_bytes)
    try:
        head = json.loads(body[:split])
        inputs: dict[str, Tensor] = {}
        start = split
        for tensor in head["inputs"]:
            end = start + int(tensor["parameters"]["binary_data_size"])
            flat = np.frombuffer(body[start:end], _DTYPES[tensor["datatype"]])
            inputs[tensor["name"]] = flat.reshape(tensor["shape"])
            start = end
        parameters = {key: value for key, value in head.get("parameters", {}).items() if key != "binary_data_output"}
        outputs = tuple(output["name"] for output in head.get("outputs", ()))
        return InferenceRequest(model, inputs, outputs, str(head.get("id", "")), version, parameters)
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError("The body is no KServe v2 request with binary tensors.") from error


def _write_answer(model: str, answer: RawAnswer) -> tuple[bytes, list[bytes]]:
    outputs = [
        {
            "name": name,
            "datatype": datatype_of(tensor),
            "shape": list(tensor.shape),
            "parameters": {"binary_data_size": tensor.nbytes},
        }
        for name, tensor in answer.tensors.items()
    ]
    head = {
        "model_name": model,
        "model_version": answer.model_version,
        "id": answer.request_id,
        "outputs": outputs,
    }
    return json.dumps(head).encode(), [tensor.tobytes() for tensor in answer.tensors.values()]
