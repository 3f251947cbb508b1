"""Malformed HTTP requests are refused, and neither the server nor a step dies of one.

What kills Triton's own HTTP front end before a model is asked (hostile_http.py) is stopped by the gateway.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from wrinkle_core.errors import from_wire

pytestmark = pytest.mark.live

INFER = "/v2/models/wrinkle_unetpp/infer"
LENGTH = "Inference-Header-Content-Length"
SIZE = 1000  # bytes of the tensor


def image(**changed: Any) -> dict[str, Any]:
    """Return the description of the input with some of it changed."""
    usual = {"name": "IMAGE", "shape": [SIZE], "datatype": "UINT8", "parameters": {"binary_data_size": SIZE}}
    return usual | changed


def as_list(shape: list[int], data: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "IMAGE", "shape": shape, "datatype": "UINT8", "data": data}]}


DESCRIPTIONS: dict[str, Any] = {
    "shape of 2**62": {"inputs": [image(shape=[2**62])]},
    "shape of 2**64": {"inputs": [image(shape=[2**64])]},
    "negative shape": {"inputs": [image(shape=[-1])]},
    "smallest shape": {"inputs": [image(shape=[-(2**63)])]},
    "shape whose product overflows": {"inputs": [image(shape=[2**32, 2**32])]},
    "no axes": {"inputs": [image(shape=[])]},
    "10,000 axes": {"inputs": [image(shape=[1] * 10_000)]},
    "fractional shape": {"inputs": [image(shape=[1.5])]},
    "shape as text": {"inputs": [image(shape="large")]},
    "other type": {"inputs": [image(datatype="FP32")]},
    "text type": {"inputs": [image(datatype="BYTES")]},
    "unknown type": {"inputs": [image(datatype="X" * 5000)]},
    "nothing": {},
    "inputs are null": {"inputs": None},
    "inputs are empty": {"inputs": []},
    "inputs are an object": {"inputs": {}},
    "unknown input": {"inputs": [image(name="PHOTO" * 10_000)]},
    "input twice": {"inputs": [image(), image()]},
    "input too many": {"inputs": [image(), image(name="OTHER")]},
    "more bytes announced than sent": {"inputs": [image(parameters={"binary_data_size": 2 * SIZE})]},
    "fewer bytes announced than sent": {"inputs": [image(parameters={"binary_data_size": 3})]},
    "negative bytes": {"inputs": [image(parameters={"binary_data_size": -1})]},
    "2**63 bytes": {"inputs": [image(parameters={"binary_data_size": 2**63})]},
    "bytes as text": {"inputs": [image(parameters={"binary_data_size": "5"})]},
    "no data": {"inputs": [image(parameters={})]},
    "shared memory": {"inputs": [image(parameters={"shared_memory_region": "x", "shared_memory_byte_size": 3})]},
    "shared memory far away": {
        "inputs": [
            image(
                parameters={
                    "shared_memory_region": "/etc/passwd",
                    "shared_memory_byte_size": 2**62,
                    "shared_memory_offset": 2**62,
                }
            )
        ]
    },
    "shared memory for an output": {
        "inputs": [image()],
        "outputs": [{"name": "MASK_PNG", "parameters": {"shared_memory_region": "x", "shared_memory_byte_size": 3}}],
    },
    "unknown output": {"inputs": [image()], "outputs": [{"name": "X"}]},
    "20,000 outputs": {"inputs": [image()], "outputs": [{"name": "MASK_PNG"}] * 20_000},
    "classification": {"inputs": [image()], "outputs": [{"name": "MASK_PNG", "parameters": {"classification": 2**31}}]},
    "list above a byte": as_list([3], [1, 2, 300]),
    "list below zero": as_list([3], [-1, 2, 3]),
    "list of text": as_list([3], ["a", "b", "c"]),
    "list too short": as_list([300], [1]),
    "id as number": {"id": 5, "inputs": [image()]},
    "id of a megabyte": {"id": "i" * 1_000_000, "inputs": [image()]},
    "id with control characters": {"id": "a\r\nb\x1b[2J", "inputs": [image()]},
    "parameters as list": {"inputs": [image()], "parameters": [1]},
    "20,000 parameters": {"inputs": [image()], "parameters": {f"p{number}": number for number in range(20_000)}},
}
PARAMETERS: list[tuple[str, Any]] = [
    ("sequence_id", 1),
    ("sequence_id", -1),
    ("sequence_id", "caller"),
    ("sequence_id", 2**64),
    ("sequence_start", True),
    ("sequence_end", "yes"),
    ("priority", 5),
    ("priority", -1),
    ("priority", 2**63),
    ("timeout", 0),
    ("timeout", -5),
    ("timeout", 2**63),
    ("timeout", "soon"),
    ("headers", "x"),
    ("headers", {"a": 1}),
    ("triton_enable_empty_final_response", True),
    ("triton_x", 1),
    ("binary_data_output", "x"),
    ("threshold", [1]),
    ("threshold", {"a": 1}),
    ("threshold", None),
    ("threshold", 1e308),
    ("threshold", "nan"),
    ("threshold", "9" * 100_000),
    ("threshold", "\0"),
    ("probability", 7),
    ("x" * 100_000, 1),
]
BODIES: dict[str, bytes] = {
    "braces": b"{" * 50,
    "text": b"no JSON",
    "null": b"null",
    "list": b"[]",
    "endless number": b"1" + b"0" * 5000,
    "zero byte": b'{"inputs":"\0"}',
    "no UTF-8": b'{"id":"\xff\xfe","inputs":[]}',
    "10,000 deep": b"[" * 10_000 + b"]" * 10_000,
    "parameter 10,000 deep": b'{"parameters":{"x":' + b"[" * 10_000 + b"]" * 10_000 + b'},"inputs":[]}',
}
LENGTHS = ["0", "10", "-5", "1000000000000", "18446744073709551616", "many", ""]
TARGETS = {
    "unknown model": ("POST", "/v2/models/nobody/infer"),
    "unknown version": ("POST", "/v2/models/wrinkle_unetpp/versions/99/infer"),
    "negative version": ("POST", "/v2/models/wrinkle_unetpp/versions/-1/infer"),
    "endless version": ("POST", f"/v2/models/wrinkle_unetpp/versions/{'9' * 50}/infer"),
    "zero byte": ("POST", "/v2/models/%00/infer"),
    "other folder": ("POST", "/v2/models/..%2f..%2fetc/infer"),
    "format string": ("POST", "/v2/models/%25n%25s/infer"),
    "GET": ("GET", INFER),
    "PUT": ("PUT", INFER),
    "DELETE": ("DELETE", INFER),
    "PATCH": ("PATCH", INFER),
    "OPTIONS": ("OPTIONS", INFER),
    "load": ("POST", "/v2/repository/models/unetpp/load"),
    "unload": ("POST", "/v2/repository/models/unetpp/unload"),
    "shared memory": ("POST", "/v2/systemsharedmemory/region/x/register"),
    "trace": ("POST", "/v2/trace/setting"),
    "log": ("POST", "/v2/logging"),
    "generate": ("POST", "/v2/models/wrinkle_unetpp/generate"),
    "one tensor for a step of three": ("POST", "/v2/models/threshold/infer"),
    "too little for the segmenter": ("POST", "/v2/models/unetpp/infer"),
}
CHUNKED = "Transfer-Encoding: chunked"
STREAMS: dict[str, bytes] = {
    "no request": b"\0\xff\r\n\r\n",
    "negative length": f"POST {INFER} HTTP/1.1\r\nContent-Length: -5\r\n\r\n".encode(),
    "length beyond 64 bits": f"POST {INFER} HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc".encode(),
    "two lengths": f"POST {INFER} HTTP/1.1\r\nContent-Length: 5\r\n{CHUNKED}\r\n\r\n0\r\n\r\n".encode(),
    "chunk of no size": f"POST {INFER} HTTP/1.1\r\n{CHUNKED}\r\n\r\nzz\r\nabc\r\n".encode(),
    "header of a megabyte": f"POST {INFER} HTTP/1.1\r\nX: {'a' * 1_000_000}\r\n\r\n".encode(),
    "100,000 headers": f"POST {INFER} HTTP/1.1\r\n{'X: 1' * 100_000}\r\n\r\n".encode(),
    "cut in the middle": f"POST {INFER} HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc".encode(),
}


def post(target: Any, body: bytes, headers: Mapping[str, str], path: str = INFER, method: str = "POST") -> Any:
    """Return HTTP status and body."""
    with closing(http.client.HTTPConnection(target.host, target.http_port, timeout=20.0)) as connection:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read()


def assert_refused(status: int, body: bytes) -> None:
    assert 400 <= status < 600
    told = body.decode("utf-8", "replace")
    assert "Traceback" not in told
    assert "/site-packages/" not in told
    error = from_wire(told)
    assert error is None or error.code != "SERVER_FAULT"


@pytest.mark.parametrize("description", DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_malformed_description_is_refused(description: Any, target: Any) -> None:
    header = json.dumps(description).encode()
    assert_refused(*post(target, header + bytes(SIZE), {LENGTH: str(len(header))}))


@pytest.mark.parametrize(("name", "value"), PARAMETERS, ids=lambda value: repr(value)[:20])
def test_parameter_reserved_or_absurd_is_refused_or_has_no_effect(name: str, value: Any, target: Any) -> None:
    tensor = image(shape=[len(target.photo)], parameters={"binary_data_size": len(target.photo)})
    mask = {"name": "MASK_PNG", "parameters": {"binary_data": True}}
    header = json.dumps({"parameters": {name: value}, "inputs": [tensor], "outputs": [mask]}).encode()
    status, body = post(target, header + target.photo, {LENGTH: str(len(header))})
    if status == http.client.OK:
        assert target.answer["MASK_PNG"] in body
    else:
        assert_refused(status, body)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_malformed_json_is_refused(body: bytes, target: Any) -> None:
    assert_refused(*post(target, body, {LENGTH: str(len(body))}))


@pytest.mark.parametrize("length", LENGTHS)
def test_lie_about_the_length_of_the_description_is_refused(length: str, target: Any) -> None:
    header = json.dumps({"inputs": [image()]}).encode()
    assert_refused(*post(target, header + bytes(SIZE), {LENGTH: length}))


@pytest.mark.parametrize(("method", "path"), TARGETS.values(), ids=TARGETS)
def test_unknown_or_forbidden_target_is_refused(method: str, path: str, target: Any) -> None:
    assert_refused(*post(target, b"{}", {LENGTH: "0"}, path, method))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_lie_about_the_encoding_is_refused(encoding: str, target: Any) -> None:
    assert_refused(*post(target, bytes(SIZE), {LENGTH: "0", "Content-Encoding": encoding}))


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_stream_that_is_no_http_is_refused_or_cut(stream: bytes, target: Any) -> None:
    with socket.create_connection((target.host, target.http_port), timeout=5.0) as connection:
        try:
            connection.sendall(stream)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(1000)
        except OSError:  # cut while we still sent
            answer = b""
    assert not answer.startswith(b"HTTP/1.1 2")
