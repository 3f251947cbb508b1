"""More requests than the queues hold are refused at once, and the rest are answered."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from live_server import published_queues
from wrinkle_core.errors import WrinkleError
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = [pytest.mark.live, pytest.mark.alone]


def test_request_beyond_a_full_queue_is_refused_and_the_server_goes_on(
    live_server: ModelServer, grace_hopper_jpeg: bytes
) -> None:
    options = live_server.options

    def outcome(_: int) -> str:
        try:
            infer_raw(options.host, options.http_port, "wrinkle_unetpp", grace_hopper_jpeg, 120.0)
        except WrinkleError as error:
            return error.code
        return "answered"

    with published_queues(live_server), ThreadPoolExecutor(160) as clients:
        outcomes = Counter(clients.map(outcome, range(160)))
    assert set(outcomes) == {"answered", "OVERLOADED"}
    assert outcomes["answered"] >= 64
    assert outcome(0) == "answered"
