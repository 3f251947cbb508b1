"""A program somebody might write with the SDK; ``test_users_program.py`` checks it as strictly as mypy can.

Where it misuses the SDK, the error that mypy must find is named; an error it does not find fails the check.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from typing_extensions import assert_type

from wrinkle_client import (
    AsyncClient,
    Client,
    Geometry,
    InferenceRequest,
    NoFaceError,
    OverloadedError,
    RegionFigures,
    RemotePhoto,
    Report,
    RetryPolicy,
    SegmentationResult,
    SegmentOutcome,
    StepTimings,
    UrlPolicy,
)
from wrinkle_client.testing import FakeServer, MockTransport, make_result


def every_form(client: Client, pixels: NDArray[np.uint8]) -> list[SegmentationResult]:
    photos = [
        client.segment("face.jpg"),
        client.segment(Path("face.jpg")),
        client.segment(b"bytes"),
        client.segment(bytearray(b"bytes")),
        client.segment(memoryview(b"bytes")),
        client.segment(io.BytesIO(b"bytes")),
        client.segment(Image.new("RGB", (9, 9))),
        client.segment(pixels),
        client.segment(RemotePhoto("https://example.org/face.jpg", UrlPolicy(max_redirects=0))),
    ]
    with Path("face.jpg").open("rb") as file:
        photos.append(client.segment(file))
    return photos


def parts(result: SegmentationResult) -> None:
    assert_type(result.mask, NDArray[np.uint8])
    assert_type(result.probability, NDArray[np.float32] | None)
    assert_type(result.skin_mask, NDArray[np.uint8] | None)
    assert_type(result.geometry, Geometry | None)
    assert_type(result.regions, tuple[RegionFigures, ...])
    assert_type(result.report, Report)
    assert_type(result.step_timings, StepTimings)
    assert_type(result.contours(), list[NDArray[np.float32]])
    assert_type(result.to_rle()["counts"], str)
    assert_type(result.overlay(style="side-by-side"), NDArray[np.uint8])
    assert_type(result == result, bool)


def many(client: Client, photos: Iterable[Path]) -> list[float]:
    shares = []
    for outcome in client.segment_many(photos, concurrency=8, model="unet_texture"):
        assert_type(outcome, SegmentOutcome)
        if outcome.result is not None:
            shares.append(outcome.result.report.whole_face.wrinkled_area_fraction or 0.0)
    return shares


async def on_a_loop(photo: bytes) -> SegmentationResult:
    async with AsyncClient("grpc://localhost:8001", retry=RetryPolicy(attempts=2)) as client:
        return await client.segment(photo, probability=True)


def tested() -> None:
    def answer(request: InferenceRequest) -> SegmentationResult:
        return make_result(request.inputs["IMAGE"].tobytes())

    with Client(transport=MockTransport(answer)) as client:
        client.segment(b"")
    with FakeServer(delay_s=0.1) as server, Client(server.http_url) as client:
        server.fail_next(NoFaceError("No face was found."))


def waits(error: OverloadedError) -> float:
    return error.retry_after_s or 1.0


def misuse(client: Client, result: SegmentationResult) -> None:
    client.segment(3)  # type: ignore[arg-type]
    client.segment(b"", treshold=0.5)  # type: ignore[call-arg]
    client.segment(b"", threshold="high")  # type: ignore[arg-type]
    result.overlay(style="sepia")  # type: ignore[arg-type]
    result.mask.no_such_method()  # type: ignore[attr-defined]
    result.model = "other"  # type: ignore[misc]
    result.geometry.pack()  # type: ignore[union-attr]
