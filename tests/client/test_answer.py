"""A server is not believed: damaged, oversized and mixed-up answers, through a transport made for the purpose."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wrinkle_client import (
    AsyncClient,
    Client,
    ContractError,
    InferenceRequest,
    Limits,
    RawAnswer,
    ServerFaultError,
    ServerInfo,
)
from wrinkle_core.contract import CONTRACT_VERSION


class Replies:
    """A transport that gives one answer; also shows that a client needs no server in an application's tests."""

    def __init__(self, answer: Any, **changes: Any) -> None:
        self.answer = answer
        self.changes = changes

    async def infer(self, request: InferenceRequest, deadline: Any) -> RawAnswer:
        outputs = self.answer.outputs(probability="probability" in request.parameters)
        tensors = {name: np.frombuffer(data, np.uint8) for name, data in outputs.items()}
        return RawAnswer(
            **({"model_version": "1", "request_id": request.request_id, "tensors": tensors} | self.changes)
        )

    async def server_live(self, deadline: Any) -> bool:
        return True

    async def server_ready(self, deadline: Any) -> bool:
        return True

    async def server_info(self, deadline: Any) -> ServerInfo:
        return ServerInfo("replies", "1", (), CONTRACT_VERSION)

    async def model_ready(self, model_name: str, deadline: Any) -> bool:
        return True

    async def model_versions(self, model_name: str, deadline: Any) -> tuple[str, ...]:
        return ("1",)

    async def close(self) -> None:
        """Hold nothing."""


def picture(mode: str, size: tuple[int, int], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind)
    return buffer.getvalue()


def claims_to_be_huge(png: bytes) -> bytes:
    return png[:16] + struct.pack(">II", 60_000, 60_000) + png[24:]


def with_an_empty_profile(png: bytes) -> bytes:
    """Return a PNG file with an empty colour profile after the pixels, over which Pillow stumbles."""
    kind = b"iCCP"
    return png[:-12] + bytes(4) + kind + struct.pack(">I", zlib.crc32(kind)) + png[-12:]


def test_an_own_transport_replaces_the_server(http_server: Any, photo: bytes) -> None:
    with Client(transport=Replies(http_server.answer)) as client:
        np.testing.assert_array_equal(client.segment(photo).mask, http_server.answer.mask)


def test_the_same_transport_serves_an_event_loop(http_server: Any, photo: bytes) -> None:
    async def masks() -> Any:
        async with AsyncClient(transport=Replies(http_server.answer)) as client:
            return (await client.segment(photo)).mask

    np.testing.assert_array_equal(asyncio.run(masks()), http_server.answer.mask)


@pytest.mark.parametrize(
    "mask_png",
    [
        b"no picture at all, but long enough to hold a header",
        picture("1", (40, 30), "PNG")[:-30],
        picture("1", (40, 30), "BMP"),
        picture("RGB", (40, 30)),
        picture("1", (30, 40)),
        picture("1", (41, 30)),
        claims_to_be_huge(picture("1", (40, 30))),
        with_an_empty_profile(picture("1", (40, 30))),
        b"\x89PNG",
    ],
    ids=["text", "truncated", "BMP", "RGB", "transposed", "too wide", "a bomb", "an empty profile", "a stump"],
)
def test_a_mask_that_does_not_fit_the_report_is_a_server_fault(http_server: Any, photo: bytes, mask_png: bytes) -> None:
    http_server.answer.replaced = {"MASK_PNG": mask_png}
    with Client(transport=Replies(http_server.answer)) as client, pytest.raises(ServerFaultError, match="MASK_PNG"):
        client.segment(photo)


def test_a_report_that_claims_too_many_pixels_stops_before_decoding(http_server: Any, photo: bytes) -> None:
    limits = Limits(max_pixels=40 * 30 - 1)
    with Client(transport=Replies(http_server.answer), limits=limits) as client:
        with pytest.raises(ServerFaultError, match="40x30"):
            client.segment(photo)


def test_a_report_that_is_not_json_is_a_contract_error(http_server: Any, photo: bytes) -> None:
    http_server.answer.replaced = {"REPORT_JSON": b"{'regions': []}"}
    with Client(transport=Replies(http_server.answer)) as client, pytest.raises(ContractError):
        client.segment(photo)


def test_the_answer_to_another_request_is_a_server_fault(http_server: Any, photo: bytes) -> None:
    with Client(transport=Replies(http_server.answer, request_id="other")) as client:
        with pytest.raises(ServerFaultError, match="another request"):
            client.segment(photo)


def test_a_probability_asked_for_and_not_sent_is_a_server_fault(http_server: Any, photo: bytes) -> None:
    http_server.answer.replaced = {"PROBABILITY_PNG": b""}
    with Client(transport=Replies(http_server.answer)) as client, pytest.raises(ServerFaultError, match="empty"):
        client.segment(photo, probability=True)
