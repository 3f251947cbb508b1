"""Messages far over the limit are refused and leave little memory behind, even where no gateway cuts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from tritonclient.utils import InferenceServerException

from wrinkle_core.errors import ImageTooLargeError, from_wire
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = pytest.mark.live

MESSAGE_BYTES = 50_000_000
MESSAGES = 12
# What the largest message takes in the shared memory of both preprocess processes, and in the server for a while.
MAX_GROWTH_BYTES = 4 * MESSAGE_BYTES


def test_oversized_messages_over_grpc_leave_bounded_memory(target: Any) -> None:
    before = target.processes.resident_bytes()
    tensor = tritonclient.grpc.InferInput("IMAGE", [MESSAGE_BYTES], "UINT8")
    tensor.set_data_from_numpy(np.zeros(MESSAGE_BYTES, np.uint8))
    with tritonclient.grpc.InferenceServerClient(target.grpc_address) as client:
        for _ in range(MESSAGES):
            with pytest.raises(InferenceServerException) as caught:
                client.infer("wrinkle_unetpp", [tensor])
            assert isinstance(from_wire(str(caught.value)), ImageTooLargeError)
    assert target.processes.resident_bytes() - before < MAX_GROWTH_BYTES


def test_oversized_messages_over_http_leave_bounded_memory(target: Any) -> None:
    before = target.processes.resident_bytes()
    photo = bytes(MESSAGE_BYTES)
    for _ in range(MESSAGES):
        with pytest.raises(ImageTooLargeError):
            infer_raw(target.host, target.http_port, "wrinkle_unetpp", photo, 60.0)
    assert target.processes.resident_bytes() - before < MAX_GROWTH_BYTES
