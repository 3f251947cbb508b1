"""The same questions to {Client, AsyncClient} x {HTTP, gRPC} x {prepared by the server, by the client}: same answers.

The reference is core's own pipeline in this process, with the network that the live server runs.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from driven_client import CLIENTS, AnyClient, connect
from wrinkle_client import (
    Health,
    ImageTooLargeError,
    InvalidImageError,
    InvalidParameterError,
    Limits,
    ModelNotFoundError,
    NoFaceError,
    Photo,
    SegmentationResult,
    ServerFaultError,
    TruncatedImageError,
)
from wrinkle_core.contract import CONTRACT_VERSION, SEGMENTERS, SegmenterContract
from wrinkle_core.inference import OnnxSegmenter
from wrinkle_core.landmarks import FaceLandmarker
from wrinkle_core.pipeline import segment_bytes
from wrinkle_core.postprocess import Answer, ThresholdOptions
from wrinkle_core.report import Report

pytestmark = pytest.mark.live

WAYS = [
    (kind, protocol, prepare) for kind in CLIENTS for protocol in ("http", "grpc") for prepare in ("server", "client")
]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: "-".join(way))
def client(request: pytest.FixtureRequest, live_urls: dict[str, str]) -> Iterator[AnyClient]:
    kind, protocol, prepare = request.param
    with connect(kind, live_urls[protocol], prepare=prepare) as opened:
        opened.wait_ready(60)
        yield opened


@pytest.fixture(scope="module")
def expected(dark_line_networks: dict[str, Path], face_landmarker: FaceLandmarker) -> Any:
    """Return a function from photograph, segmenter and options to what core computes; each is computed once."""
    segmenters = {name: OnnxSegmenter(path) for name, path in dark_line_networks.items()}
    known: dict[Any, Answer] = {}

    def compute(photo: bytes, spec: SegmenterContract, options: ThresholdOptions) -> Answer:
        key = (photo, spec.name, options)
        if key not in known:
            known[key] = segment_bytes(photo, spec, face_landmarker, segmenters[spec.name], options)
        return known[key]

    return compute


def require_same(result: SegmentationResult, answer: Answer) -> None:
    for pixels, encoded, levels in (
        (result.mask, answer.mask_png, 1),
        (result.skin_mask, answer.skin_mask_png, 1),
        (result.probability, answer.probability_png, 255),
    ):
        if encoded:
            assert pixels is not None
            with Image.open(io.BytesIO(encoded)) as picture:
                np.testing.assert_array_equal(np.rint(pixels * np.float32(levels)).astype(int), np.asarray(picture))
        else:
            assert pixels is None
    assert result.report == Report.from_json(answer.report_json)


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_every_way_gives_core_s_own_masks_and_figures(
    client: AnyClient, expected: Any, grace_hopper_jpeg: bytes, spec: SegmenterContract
) -> None:
    result = client.segment(grace_hopper_jpeg, model=spec.name, probability=True, skin_mask=True, geometry=True)
    require_same(result, expected(grace_hopper_jpeg, spec, ThresholdOptions(probability=True, skin_mask=True)))
    assert result.mask.any()
    assert result.geometry is not None
    assert result.geometry.landmarks_xy.shape == (468, 2)
    assert (result.model, result.timings.attempts) == (spec.name, 1)
    assert result.model_version.isdigit()


def test_a_photograph_that_exif_turns_comes_back_upright(client: AnyClient, expected: Any, astronaut_rgb: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(astronaut_rgb))).save(buffer, "JPEG", exif=exif)
    require_same(client.segment(buffer.getvalue()), expected(buffer.getvalue(), SEGMENTERS[0], ThresholdOptions()))


def test_the_threshold_asked_for_is_the_one_that_cuts(
    client: AnyClient, expected: Any, grace_hopper_jpeg: bytes
) -> None:
    result = client.segment(grace_hopper_jpeg, threshold=0.25)
    assert result.report.threshold == 0.25
    require_same(result, expected(grace_hopper_jpeg, SEGMENTERS[0], ThresholdOptions(0.25)))


def test_bad_photographs_raise_the_same_errors(
    client: AnyClient, grace_hopper_jpeg: bytes, flat_png: bytes, tmp_path: Path
) -> None:
    bad: tuple[tuple[Any, type[Exception]], ...] = (
        (b"this is no image", InvalidImageError),
        (grace_hopper_jpeg[:20_000], TruncatedImageError),
        (flat_png, NoFaceError),
        (tmp_path / "nowhere.jpg", InvalidImageError),
        (b"\xff\xd8\xff\xe0" + bytes(21 * 2**20), ImageTooLargeError),
    )
    for photo, error in bad:
        with pytest.raises(error) as raised:
            client.segment(photo)
        assert type(raised.value) is error


@pytest.mark.parametrize("options", [{"model": "unet3000"}, {"threshold": 1.5}, {"model_version": "../1"}])
def test_options_that_cannot_be_are_refused(
    client: AnyClient, grace_hopper_jpeg: bytes, options: dict[str, Any]
) -> None:
    with pytest.raises(InvalidParameterError):
        client.segment(grace_hopper_jpeg, **options)


def test_a_version_can_be_chosen_and_one_that_is_not_there_is_not_found(
    client: AnyClient, grace_hopper_jpeg: bytes
) -> None:
    version = client.segment(grace_hopper_jpeg, model_version="1").model_version
    assert version == "1"
    with pytest.raises(ModelNotFoundError):
        client.segment(grace_hopper_jpeg, model_version="77")


def test_many_photographs_come_in_order_and_a_bad_one_does_not_end_the_others(
    client: AnyClient, grace_hopper_jpeg: bytes, flat_png: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "hopper.jpg"
    path.write_bytes(grace_hopper_jpeg)
    alone = client.segment(path)
    photos: list[Photo] = [grace_hopper_jpeg, b"no image", path, flat_png, path]
    outcomes = list(client.segment_many(photos, concurrency=2))
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert [outcome.photo for outcome in outcomes] == photos
    assert [type(outcome.error) for outcome in outcomes[1:4:2]] == [InvalidImageError, NoFaceError]
    for outcome in outcomes[::2]:
        assert outcome.error is None
        assert outcome.result is not None
        np.testing.assert_array_equal(outcome.result.mask, alone.mask)


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_compressed_requests_bring_the_same_answer(
    client: AnyClient, expected: Any, grace_hopper_jpeg: bytes, compression: str
) -> None:
    result = client.segment(grace_hopper_jpeg, compression=compression)  # type: ignore[arg-type]
    require_same(result, expected(grace_hopper_jpeg, SEGMENTERS[0], ThresholdOptions()))


def test_the_server_tells_of_itself_and_its_models(client: AnyClient) -> None:
    assert client.health() == Health(live=True, ready=True)
    info = client.server_info()
    assert (info.name, info.contract_version) == ("triton", CONTRACT_VERSION)
    assert info.version
    assert "binary_tensor_data" in info.extensions
    assert [(model.name, model.ready, len(model.versions)) for model in client.models()] == [
        (spec.name, True, 1) for spec in SEGMENTERS
    ]


def test_the_client_s_own_limit_on_pixels_holds_before_the_mask_is_decoded(
    live_urls: dict[str, str], grace_hopper_jpeg: bytes
) -> None:
    for prepare, error in (("server", "accepts 1000 pixels"), ("client", "1000")):
        with connect("sync", live_urls["grpc"], prepare=prepare, limits=Limits(max_pixels=1000)) as client:
            with pytest.raises(Exception, match=error):
                client.segment(grace_hopper_jpeg)


def test_a_photograph_prepared_here_never_leaves(http_server: Any, grace_hopper_jpeg: bytes) -> None:
    """Only the network is asked, so what is sent is its input: the aligned face, zero outside the mask."""
    with connect("sync", http_server.url, prepare="client") as client, pytest.raises(ServerFaultError):
        client.segment(grace_hopper_jpeg)  # this server has no network to answer with
    (sent,) = (request for request in http_server.received if request.path.endswith("/infer"))
    assert sent.model_name == "unetpp"
    assert len(sent.image) == 3 * 512 * 512
    assert sent.image.count(0) > 0.2 * len(sent.image)
