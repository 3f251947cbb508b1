"""Half an hour of mixed traffic: memory does not grow."""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections import Counter

import numpy as np
import psutil
import pytest

from figures import Figures
from supervised_server import HOST, Supervise, Supervised
from wrinkle_client import Client
from wrinkle_core.errors import WrinkleError
from wrinkle_server.supervision.canary import canary_photo

pytestmark = [pytest.mark.live, pytest.mark.slow]

DURATION_S = float(os.environ.get("WRINKLE_SOAK_S", 1800))
WARM_UP_SHARE = 0.2
SAMPLE_S = 2.0
PAUSE_S = 0.3  # between a caller's requests: a server at work, not one at its limit


def resident_mib(server: Supervised) -> float:
    process = psutil.Process(server.supervisor.server.process_id)
    living = [each for each in (process, *process.children()) if each.status() != psutil.STATUS_ZOMBIE]
    return sum(each.memory_info().rss - each.memory_info().shared for each in living) / 2**20


def bad_photo(good: bytes, chance: random.Random) -> bytes:
    kind = chance.randrange(3)
    if kind == 0:
        return good[: chance.randrange(1, len(good))]
    if kind == 1:
        return chance.randbytes(5000)
    spoilt = bytearray(good)
    for _ in range(20):
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    return bytes(spoilt)


@pytest.mark.timeout(DURATION_S + 300)
def test_mixed_traffic(supervise: Supervise, grace_hopper_jpeg: bytes, figures: Figures) -> None:
    outcomes: Counter[str] = Counter()
    ended = threading.Event()
    with supervise() as server:
        urls = (f"http://{HOST}:{server.http_port}", f"grpc://{HOST}:{server.supervisor.server.options.grpc_port}")

        def ask(number: int) -> None:
            chance = random.Random(number)
            with Client(urls[number % 2]) as client:
                for count in itertools.count():
                    if ended.is_set():
                        return
                    good = (grace_hopper_jpeg, canary_photo())[count % 2]
                    photo = bad_photo(good, chance) if chance.random() < 0.3 else good
                    try:
                        client.segment(photo, probability=chance.random() < 0.2, timeout_s=30)
                        outcomes["answered"] += 1
                    except WrinkleError as error:
                        outcomes[error.code] += 1
                    ended.wait(PAUSE_S)

        callers = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for caller in callers:
            caller.start()
        began_s, samples = time.monotonic(), []
        while time.monotonic() - began_s < DURATION_S:
            time.sleep(SAMPLE_S)
            samples.append((time.monotonic() - began_s, resident_mib(server)))
        ended.set()
        for caller in callers:
            caller.join(60)
        repairs = server.get("/metrics")[1].count("wrinkle_repairs_total{")
    seconds, mib = np.array([sample for sample in samples if sample[0] > WARM_UP_SHARE * DURATION_S]).T
    slope_mib_per_hour = float(np.polyfit(seconds, mib, 1)[0] * 3600)
    figures(
        minutes=round(DURATION_S / 60, 1),
        outcomes=dict(outcomes),
        resident_mib=[round(float(mib[0])), round(float(mib[-1]))],
        slope_mib_per_hour=round(slope_mib_per_hour, 2),
    )
    assert repairs == 0
    assert outcomes["answered"] > 0
    assert "SERVER_FAULT" not in outcomes
    assert abs(mib[-20:].mean() - mib[:20].mean()) < 0.05 * mib[:20].mean()
