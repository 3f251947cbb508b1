"""An application's tests need no server: a function answers."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from wrinkle_client import (
    AsyncClient,
    Client,
    InferenceRequest,
    NoFaceError,
    OverloadedError,
    RawAnswer,
    SegmentationResult,
    ServerFaultError,
    ServingError,
)
from wrinkle_client.testing import MockTransport, fake_answer, make_result


def test_without_a_handler_it_answers_as_make_result_does(photo: bytes) -> None:
    with Client(transport=MockTransport()) as client:
        client.wait_ready(1)
        assert client.segment(photo, skin_mask=True, geometry=True, threshold=0.3) == make_result(
            photo, skin_mask=True, geometry=True, threshold=0.3
        )


def test_both_clients_take_it(photo: bytes) -> None:
    async def ask() -> SegmentationResult:
        async with AsyncClient(transport=MockTransport()) as client:
            return await client.segment(photo, probability=True)

    assert asyncio.run(ask()) == make_result(photo, probability=True)


def test_a_handler_may_return_a_result_or_raise_what_a_server_would(photo: bytes) -> None:
    def answer(request: InferenceRequest) -> SegmentationResult:
        if request.model_name == "wrinkle_unet_texture":
            raise NoFaceError("No face was found.")
        return made

    made = make_result(photo, threshold=0.25)
    transport = MockTransport(answer)
    with Client(transport=transport) as client:
        assert client.segment(photo) == made
        with pytest.raises(NoFaceError):
            client.segment(photo, model="unet_texture")
    assert [request.model_name for request in transport.requests] == ["wrinkle_unetpp", "wrinkle_unet_texture"]
    assert transport.requests[0].inputs["IMAGE"].tobytes() == photo


def test_the_client_treats_a_handler_s_error_like_the_server_s(photo: bytes) -> None:
    refusals = iter([OverloadedError("Busy."), OverloadedError("Busy.")])

    def answer(request: InferenceRequest) -> RawAnswer:
        for refusal in refusals:
            raise refusal
        return fake_answer(request)

    with Client(transport=MockTransport(answer)) as client:
        assert client.segment(photo).timings.attempts == 3


def test_a_raw_answer_is_checked_like_a_server_s(photo: bytes) -> None:
    empty = RawAnswer("1", "another", {"MASK_PNG": np.zeros(0, np.uint8)})
    with Client(transport=MockTransport(lambda _: empty)) as client, pytest.raises(ServerFaultError, match="id"):
        client.segment(photo)


def test_a_part_that_was_asked_for_and_is_missing_is_a_server_fault(photo: bytes) -> None:
    with Client(transport=MockTransport(lambda _: make_result(photo))) as client:
        with pytest.raises(ServerFaultError, match="PROBABILITY_PNG"):
            client.segment(photo, probability=True)
        with pytest.raises(ServerFaultError, match="GEOMETRY"):
            client.segment(photo, geometry=True)


def test_a_closed_client_stays_closed(photo: bytes) -> None:
    with Client(transport=MockTransport()) as client:
        client.segment(photo)
    with pytest.raises(ServingError, match="closed"):
        client.segment(photo)
