"""Malformed gRPC requests are refused with a status, and neither the server nor a step dies of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from wrinkle_core.errors import from_wire

pytestmark = pytest.mark.live

SIZE = 1000
CALL_TIMEOUT_S = 20.0
Contents = service_pb2.InferTensorContents
NOT_ANSWERED = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNAVAILABLE,
}


def put(parameter: Any, value: bool | int | float | str | None) -> None:
    """Set the one field of a protobuf parameter that fits; None leaves it without a value."""
    if isinstance(value, bool):
        parameter.bool_param = value
    elif isinstance(value, int):
        parameter.int64_param = value
    elif isinstance(value, float):
        parameter.double_param = value
    elif isinstance(value, str):
        parameter.string_param = value


def image(**changed: Any) -> dict[str, Any]:
    return {"name": "IMAGE", "datatype": "UINT8", "shape": [SIZE]} | changed


def request_of(
    *inputs: dict[str, Any],
    raw: tuple[bytes, ...] = (bytes(SIZE),),
    outputs: tuple[str, ...] = (),
    parameters: dict[str, Any] | None = None,
    **fields: Any,
) -> Any:
    """Return a request; an input's ``region`` becomes its shared-memory parameters."""
    asked = service_pb2.ModelInferRequest(**({"model_name": "wrinkle_unetpp"} | fields))
    for given in inputs:
        region = given.pop("region", {}) if "region" in given else {}
        tensor = asked.inputs.add(**given)
        for name, value in region.items():
            put(tensor.parameters[name], value)
    for output in outputs:
        asked.outputs.add(name=output)
    for name, value in (parameters or {}).items():
        put(asked.parameters[name], value)
    asked.raw_input_contents.extend(raw)
    return asked


def listed(shape: list[int], datatype: str = "UINT8", **contents: Any) -> Any:
    return request_of(image(shape=shape, datatype=datatype, contents=Contents(**contents)), raw=())


def for_segmenter(shape: list[int], raw: bytes) -> Any:
    return request_of({"name": "INPUT", "datatype": "UINT8", "shape": shape}, raw=(raw,), model_name="unetpp")


MALFORMED: dict[str, Any] = {
    "nothing": service_pb2.ModelInferRequest(),
    "no inputs": request_of(raw=()),
    "shape of 2**62": request_of(image(shape=[2**62])),
    "negative shape": request_of(image(shape=[-1])),
    "smallest shape": request_of(image(shape=[-(2**63)])),
    "shape whose product overflows": request_of(image(shape=[2**32, 2**32])),
    "no axes": request_of(image(shape=[])),
    "10,000 axes": request_of(image(shape=[1] * 10_000)),
    "no pixels": request_of(image(shape=[0]), raw=(b"",)),
    "other type": request_of(image(datatype="FP32")),
    "text type": request_of(image(datatype="BYTES")),
    "unknown type": request_of(image(datatype="X" * 5000)),
    "input twice": request_of(image(), image(), raw=(bytes(SIZE),) * 2),
    "input too many": request_of(image(), image(name="OTHER"), raw=(bytes(SIZE),) * 2),
    "raw bytes missing": request_of(image(), raw=()),
    "raw bytes for no input": request_of(image(), raw=(bytes(SIZE),) * 50),
    "raw bytes too few": request_of(image(), raw=(b"abc",)),
    "raw bytes too many": request_of(image(), raw=(bytes(2 * SIZE),)),
    "list and raw bytes": request_of(image(shape=[3], contents=Contents(uint_contents=[1, 2, 3])), raw=(b"abc",)),
    "list above a byte": listed([3], uint_contents=[1, 2, 2**31]),
    "list shorter than 2**62": listed([2**62], uint_contents=[1]),
    "list shorter than 2**40": listed([2**40], uint_contents=[1]),
    "list for a negative shape": listed([-5], uint_contents=[1]),
    "list of a million for three": listed([3], uint_contents=[1] * 1_000_000),
    "list of other numbers": listed([3], fp32_contents=[1.0, 2.0, 3.0]),
    "list of text": listed([1], bytes_contents=[b"x" * 100]),
    "text shorter than 2**62": listed([2**62], "BYTES", bytes_contents=[b"x" * 100]),
    "shared memory": request_of(image(region={"shared_memory_region": "x", "shared_memory_byte_size": 3}), raw=()),
    "shared memory far away": request_of(
        image(
            region={
                "shared_memory_region": "/etc/passwd",
                "shared_memory_byte_size": -3,
                "shared_memory_offset": -1,
            }
        ),
        raw=(),
    ),
    "shared memory of a number": request_of(image(region={"shared_memory_region": 5}), raw=()),
    "unknown output": request_of(image(), outputs=("X",)),
    "20,000 outputs": request_of(image(), outputs=("MASK_PNG",) * 20_000),
    "20,000 parameters": request_of(image(), parameters={f"p{number}": number for number in range(20_000)}),
    "unknown model": request_of(image(), model_name="nobody"),
    "model of a megabyte": request_of(image(), model_name="n" * 1_000_000),
    "unknown version": request_of(image(), model_version="99"),
    "version as text": request_of(image(), model_version="-1x"),
    "endless version": request_of(image(), model_version="9" * 60),
    "id of a megabyte": request_of(image(), id="i" * 1_000_000),
    "id with control characters": request_of(image(), id="a\r\nb\0c"),
    "too little for the segmenter": for_segmenter([1, 3, 512, 512], b"abc"),
    "batch of 1000": for_segmenter([1000, 3, 512, 512], b"abc"),
    "batch of no photographs": for_segmenter([0, 3, 512, 512], b""),
    "negative batch": for_segmenter([-1, 3, 512, 512], b"abc"),
    "picture of another size": for_segmenter([1, 3, 512, 511], bytes(3 * 512 * 511)),
}
PARAMETERS: list[tuple[str, Any]] = [
    ("sequence_id", 1),
    ("sequence_id", -1),
    ("sequence_id", "caller"),
    ("sequence_id", None),
    ("sequence_start", True),
    ("sequence_start", 1),
    ("sequence_end", True),
    ("priority", -1),
    ("priority", 2**62),
    ("priority", "high"),
    ("timeout", 0),
    ("timeout", -5),
    ("timeout", 2**62),
    ("timeout", "soon"),
    ("headers", "x"),
    ("triton_x", 1),
    ("triton_enable_empty_final_response", True),
    ("binary_data_output", True),
    ("threshold", None),
    ("threshold", float("nan")),
    ("threshold", "9" * 100_000),
    ("x" * 100_000, 1),
]


@pytest.fixture(scope="module")
def channel(target: Any) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(target.grpc_address) as opened:
        yield opened


def assert_refused(error: grpc.RpcError) -> None:
    assert error.code() in NOT_ANSWERED
    assert "Traceback" not in error.details()
    assert "/site-packages/" not in error.details()
    written = from_wire(error.details())
    assert written is None or written.code != "SERVER_FAULT"


@pytest.mark.parametrize("asked", MALFORMED.values(), ids=MALFORMED)
def test_malformed_request_is_refused(asked: Any, channel: grpc.Channel) -> None:
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.ModelInfer(asked, timeout=CALL_TIMEOUT_S)
    assert_refused(caught.value)


@pytest.mark.parametrize(("name", "value"), PARAMETERS, ids=lambda value: repr(value)[:20])
def test_parameter_reserved_or_absurd_is_refused_or_has_no_effect(
    name: str, value: Any, channel: grpc.Channel, target: Any
) -> None:
    asked = request_of(
        image(shape=[len(target.photo)]), raw=(target.photo,), outputs=("MASK_PNG",), parameters={name: value}
    )
    try:
        answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(asked, timeout=CALL_TIMEOUT_S)
    except grpc.RpcError as error:
        assert_refused(error)
    else:
        assert list(answer.raw_output_contents) == [target.answer["MASK_PNG"]]


@pytest.mark.parametrize("method", ["/inference.GRPCInferenceService/Erase", "/grpc.reflection.v1.ServerReflection/X"])
def test_unknown_method_is_refused(method: str, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method)(b"", timeout=CALL_TIMEOUT_S)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("message", [b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05ab"])
def test_message_that_is_no_request_is_refused(message: bytes, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")(message, timeout=CALL_TIMEOUT_S)
    assert caught.value.code() in NOT_ANSWERED | {grpc.StatusCode.INTERNAL}


def test_stream_of_malformed_requests_is_refused_one_by_one(channel: grpc.Channel) -> None:
    asked = [MALFORMED["nothing"], MALFORMED["negative shape"], MALFORMED["raw bytes too few"]]
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    told = [answer.error_message for answer in stub.ModelStreamInfer(iter(asked), timeout=CALL_TIMEOUT_S)]
    assert len(told) == len(asked)
    assert all(told)
