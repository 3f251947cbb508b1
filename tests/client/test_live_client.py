"""The client and the command against the real Triton server, over both protocols."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wrinkle_client import (
    Client,
    Health,
    ImageTooLargeError,
    InvalidImageError,
    Limits,
    NoFaceError,
    TruncatedImageError,
)
from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.regions import REGIONS
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

PROTOCOLS = ("http", "grpc")
MODELS = tuple(spec.name for spec in SEGMENTERS)


@pytest.fixture(scope="session")
def urls(live_server: ModelServer) -> dict[str, str]:
    """Return the real server's URL by protocol."""
    options = live_server.options
    return {
        "http": f"http://{options.host}:{options.http_port}",
        "grpc": f"grpc://{options.host}:{options.grpc_port}",
    }


@pytest.fixture(params=PROTOCOLS)
def client(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[Client]:
    with Client(urls[request.param]) as opened:
        opened.wait_ready(60)
        yield opened


@pytest.fixture
def hopper_path(grace_hopper_jpeg: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "grace_hopper.jpg"
    path.write_bytes(grace_hopper_jpeg)
    return path


def png_of(rgb: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", **options)
    return buffer.getvalue()


def test_the_server_is_ready_and_offers_both_models(client: Client) -> None:
    assert client.health() == Health(live=True, ready=True)
    assert [(model.name, model.ready, len(model.versions)) for model in client.models()] == [
        (name, True, 1) for name in MODELS
    ]


@pytest.mark.parametrize("model", MODELS)
def test_a_photograph_comes_back_with_mask_figures_and_probability(
    client: Client, grace_hopper_jpeg: bytes, model: str
) -> None:
    result = client.segment(grace_hopper_jpeg, model=model, probability=True)
    assert result.mask.shape == (600, 512)
    assert 0 < result.mask.mean() < 0.2
    assert result.probability is not None
    marked = result.mask == 1
    assert result.probability[marked].min() >= result.report.threshold - 1 / 255
    assert len(result.regions) == len(REGIONS)
    assert result.report.whole_face.wrinkled_area_fraction is not None
    assert (result.model, result.report.segmenter) == (model, model)
    assert result.timings.attempts == 1


def test_both_protocols_bring_the_same_answer(urls: dict[str, str], grace_hopper_jpeg: bytes) -> None:
    with Client(urls["http"]) as over_http, Client(urls["grpc"]) as over_grpc:
        first, second = (one.segment(grace_hopper_jpeg, probability=True) for one in (over_http, over_grpc))
    np.testing.assert_array_equal(first.mask, second.mask)
    assert first.probability is not None
    assert second.probability is not None
    np.testing.assert_array_equal(first.probability, second.probability)
    assert first.report == second.report


def test_a_lower_threshold_marks_more(client: Client, grace_hopper_jpeg: bytes) -> None:
    low, high = (client.segment(grace_hopper_jpeg, threshold=threshold) for threshold in (0.25, 0.75))
    assert low.report.threshold == pytest.approx(0.25)
    assert low.mask.sum() > high.mask.sum()


def test_a_whole_number_is_a_threshold_too(client: Client, grace_hopper_jpeg: bytes) -> None:
    assert client.segment(grace_hopper_jpeg, threshold=1).report.threshold == 1.0


def test_an_upright_and_a_turned_file_of_one_photograph_agree(client: Client, astronaut_rgb: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright, turned = png_of(astronaut_rgb), png_of(np.rot90(astronaut_rgb).copy(), exif=exif)
    first, second = client.segment(upright), client.segment(turned)
    np.testing.assert_array_equal(first.mask, second.mask)
    np.testing.assert_array_equal(first.overlay(), second.overlay())


def test_bad_photographs_raise_their_own_error_and_the_server_goes_on(
    client: Client, grace_hopper_jpeg: bytes, astronaut_rgb: Any
) -> None:
    bad: tuple[tuple[bytes, type[Exception]], ...] = (
        (b"this is no image", InvalidImageError),
        (grace_hopper_jpeg[:20_000], TruncatedImageError),
        (png_of(np.full((64, 64, 3), 128, np.uint8)), NoFaceError),
    )
    for photo, error in bad:
        with pytest.raises(error):
            client.segment(photo)
    assert client.segment(grace_hopper_jpeg).mask.any()


def test_the_server_has_a_size_limit_of_its_own(urls: dict[str, str]) -> None:
    with Client(urls["http"], limits=Limits(max_encoded_bytes=100 * 2**20)) as client:
        with pytest.raises(ImageTooLargeError):
            client.segment(b"\xff\xd8\xff\xe0" + bytes(21 * 2**20))


def test_threads_share_one_client(client: Client, grace_hopper_jpeg: bytes, astronaut_rgb: Any) -> None:
    photos = [grace_hopper_jpeg, png_of(astronaut_rgb)] * 4
    alone = [client.segment(photo).mask.shape for photo in photos[:2]] * 4
    with ThreadPoolExecutor(8) as threads:
        together = [result.mask.shape for result in threads.map(client.segment, photos)]
    assert together == alone


def test_the_command_writes_what_the_client_returns(urls: dict[str, str], hopper_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-m", "wrinkle_client.cli", "segment", str(hopper_path), "--out", str(out), "--probability"],
        env=os.environ | {"WRINKLE_URL": urls["grpc"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with Client(urls["http"]) as client:
        result = client.segment(hopper_path)
    with Image.open(out / "grace_hopper-mask.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), result.mask)
    assert json.loads((out / "grace_hopper.json").read_text())["report"]["segmenter"] == "unetpp"
    assert "whole face" in done.stdout
