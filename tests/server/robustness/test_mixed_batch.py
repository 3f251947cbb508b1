"""Good and bad requests at the same time: each good one gets its own right mask, each bad one its own error."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc
from numpy.typing import NDArray
from PIL import Image
from tritonclient.utils import InferenceServerException

from encoded_images import encoded
from timeless import timeless
from wrinkle_core.errors import WrinkleError, from_wire
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = pytest.mark.live

ROUNDS = 6
CONCURRENCY = 8
Send = Callable[[bytes], dict[str, bytes]]


def good_photos(astronaut_rgb: NDArray[np.uint8], grace_hopper_jpeg: bytes) -> list[bytes]:
    """Return photographs whose masks all differ."""
    hopper = Image.open(io.BytesIO(grace_hopper_jpeg))
    return [
        grace_hopper_jpeg,
        encoded(Image.fromarray(astronaut_rgb), "PNG"),
        encoded(Image.fromarray(np.ascontiguousarray(astronaut_rgb[:, ::-1])), "JPEG", quality=90),
        encoded(hopper.resize((700, 820)), "WEBP", quality=85),
        encoded(hopper.crop((0, 0, 512, 512)), "TIFF"),
    ]


def bad_files(grace_hopper_jpeg: bytes) -> dict[str, bytes]:
    """Return a file for each code."""
    return {
        "INVALID_IMAGE": b"a letter, not a photograph",
        "TRUNCATED_IMAGE": grace_hopper_jpeg[:20_000],
        "NO_FACE": encoded(Image.new("RGB", (200, 200), (180, 140, 120)), "PNG"),
        "UNSUPPORTED_FORMAT": encoded(Image.new("RGB", (64, 64)), "GIF"),
        "IMAGE_TOO_LARGE": encoded(Image.new("1", (20_000, 20_000)), "PNG"),
    }


def over_grpc(client: Any) -> Send:
    def send(photo: bytes) -> dict[str, bytes]:
        tensor = tritonclient.grpc.InferInput("IMAGE", [len(photo)], "UINT8")
        tensor.set_data_from_numpy(np.frombuffer(photo, np.uint8))
        try:
            answer = client.infer("wrinkle_unetpp", [tensor], client_timeout=60.0)
        except InferenceServerException as error:
            raise from_wire(str(error)) or error from None
        return {name: answer.as_numpy(name).tobytes() for name in ("MASK_PNG", "PROBABILITY_PNG", "REPORT_JSON")}

    return send


def over_http(target: Any) -> Send:
    return lambda photo: infer_raw(target.host, target.http_port, "wrinkle_unetpp", photo, 60.0)


def outcome(send: Send, photo: bytes) -> dict[str, object] | str:
    try:
        return timeless(send(photo))
    except WrinkleError as error:
        return error.code


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_good_photographs_get_their_own_masks_beside_bad_files(
    protocol: str, target: Any, astronaut_rgb: NDArray[np.uint8], grace_hopper_jpeg: bytes
) -> None:
    good, bad = good_photos(astronaut_rgb, grace_hopper_jpeg), bad_files(grace_hopper_jpeg)
    with tritonclient.grpc.InferenceServerClient(target.grpc_address) as client:
        send = over_http(target) if protocol == "http" else over_grpc(client)
        alone = [timeless(send(photo)) for photo in good]
        assert len({answer["MASK_PNG"] for answer in alone}) == len(good)
        batch = [*zip(good, alone, strict=True), *((file, code) for code, file in bad.items())] * ROUNDS
        order = np.random.default_rng(3).permutation(len(batch))
        with ThreadPoolExecutor(CONCURRENCY) as clients:
            answers = list(clients.map(lambda at: outcome(send, batch[at][0]), order))
    for at, answer in zip(order, answers, strict=True):
        assert answer == batch[at][1]
