"""The parts that come only when asked for are checked like the mask."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from wrinkle_client import Client, ContractError, InferenceRequest, RawAnswer, ServerFaultError
from wrinkle_client.testing import MockTransport, fake_answer, make_result
from wrinkle_core.contract import CONTRACT_VERSION


def answering(**tensors: Any) -> MockTransport:
    def answer(request: InferenceRequest) -> RawAnswer:
        made = fake_answer(request)
        return replace(made, tensors={**made.tensors, **tensors})

    return MockTransport(answer)


def packed(photo: Any, **changes: Any) -> Any:
    geometry = make_result(photo, geometry=True).geometry
    assert geometry is not None
    return replace(geometry, **changes).pack()


def test_parts_are_asked_for_and_returned_only_when_wanted(photo: bytes) -> None:
    transport = MockTransport()
    with Client(transport=transport) as client:
        bare = client.segment(photo)
        whole = client.segment(photo, probability=True, skin_mask=True, geometry=True)
    assert (bare.probability, bare.skin_mask, bare.geometry) == (None, None, None)
    assert transport.requests[0].outputs == ("MASK_PNG", "REPORT_JSON")
    assert set(transport.requests[1].outputs) == {
        "MASK_PNG", "PROBABILITY_PNG", "SKIN_MASK_PNG", "REPORT_JSON", "GEOMETRY"
    }  # fmt: skip
    assert whole.skin_mask is not None
    assert whole.geometry is not None
    assert whole.step_timings.segment_ms == 2.0


def test_a_geometry_of_another_photograph_is_a_server_fault(photo: bytes) -> None:
    with Client(transport=answering(GEOMETRY=packed(photo, image_width_px=41))) as client:
        with pytest.raises(ServerFaultError, match="another photograph"):
            client.segment(photo, geometry=True)


def test_a_geometry_of_another_contract_is_a_contract_error(photo: bytes) -> None:
    tensor = packed(photo)
    tensor[0] = CONTRACT_VERSION + 1
    with Client(transport=answering(GEOMETRY=tensor)) as client, pytest.raises(ContractError, match="older"):
        client.segment(photo, geometry=True)


@pytest.mark.parametrize(
    "tensor",
    [np.zeros(0, np.uint8), np.frombuffer(b"no picture", np.uint8), np.zeros(9, np.float32)],
    ids=["empty", "no picture", "another datatype"],
)
def test_a_skin_mask_that_cannot_be_one_is_a_server_fault(photo: bytes, tensor: Any) -> None:
    with Client(transport=answering(SKIN_MASK_PNG=tensor)) as client:
        with pytest.raises(ServerFaultError, match="SKIN_MASK_PNG"):
            client.segment(photo, skin_mask=True)
