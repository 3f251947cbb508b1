"""Bad requests get their typed code through the live server, tell nothing about it, and leave it serving."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wrinkle_core.contract import SegmenterContract
from wrinkle_core.errors import WrinkleError
from wrinkle_server.triton.model_server import ModelServer
from wrinkle_server.triton.raw_inference import infer_raw

pytestmark = pytest.mark.live


def picture(format_name: str, side_px: int = 64, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (side_px, side_px), (180, 140, 120)).save(stream, format_name, **options)
    return stream.getvalue()


def animation() -> bytes:
    frames = [Image.new("RGB", (64, 64), (level, 90, 90)) for level in (10, 200)]
    stream = io.BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def bomb() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    return stream.getvalue()


BAD_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "text": ("INVALID_IMAGE", lambda: b"this is a letter, not a photograph" * 10),
    "half a JPEG": ("TRUNCATED_IMAGE", lambda: picture("JPEG", 512, quality=95)[:2000]),
    "GIF": ("UNSUPPORTED_FORMAT", lambda: picture("GIF")),
    "animation": ("ANIMATED_IMAGE", animation),
    "400 Mpx in 50 kB": ("IMAGE_TOO_LARGE", bomb),
    "21 MiB": ("IMAGE_TOO_LARGE", lambda: picture("JPEG") + bytes(21 * 1024 * 1024)),
    "no face": ("NO_FACE", lambda: picture("PNG", 256)),
    "noise after a PNG signature": ("INVALID_IMAGE", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_gets_its_typed_error_and_the_server_goes_on_serving(
    kind: str, spec: SegmenterContract, ask: Any, grace_hopper_jpeg: bytes
) -> None:
    code, make = BAD_FILES[kind]
    with pytest.raises(WrinkleError) as caught:
        ask(spec.ensemble, make())
    assert caught.value.code == code
    assert ask(spec.ensemble, grace_hopper_jpeg)["MASK_PNG"]


def test_empty_body_gets_its_typed_error(live_server: ModelServer) -> None:
    options = live_server.options
    with pytest.raises(WrinkleError) as caught:
        infer_raw(options.host, options.http_port, "wrinkle_unetpp", b"", 30.0)
    assert caught.value.code == "EMPTY_IMAGE"


@pytest.mark.parametrize(
    "parameters", [{"treshold": 0.3}, {"threshold": 1.5}, {"threshold": "dark"}, {"probability": "perhaps"}]
)
def test_unknown_or_impossible_parameter_is_refused(
    parameters: dict[str, Any], ask: Any, grace_hopper_jpeg: bytes
) -> None:
    with pytest.raises(WrinkleError) as caught:
        ask("wrinkle_unetpp", grace_hopper_jpeg, parameters)
    assert caught.value.code == "INVALID_PARAMETER"


def test_error_answers_hold_neither_paths_nor_tracebacks(live_server: ModelServer, ask: Any) -> None:
    for _, make in BAD_FILES.values():
        with pytest.raises(WrinkleError) as caught:
            ask("wrinkle_unetpp", make())
        assert "Traceback" not in str(caught.value)
        assert "/" not in str(caught.value)


def test_good_requests_beside_bad_ones_are_answered(ask_grpc: Any, grace_hopper_jpeg: bytes) -> None:
    def code_of(photo: bytes) -> str:
        try:
            ask_grpc("wrinkle_unetpp", photo)
        except WrinkleError as error:
            return error.code
        return "answered"

    photos = [grace_hopper_jpeg, b"not an image, not even nearly"] * 6
    with ThreadPoolExecutor(8) as clients:
        assert list(clients.map(code_of, photos)) == ["answered", "INVALID_IMAGE"] * 6


def test_log_holds_no_image_content(live_server: ModelServer, ask: Any) -> None:
    marker = b"SECRET-FACE-BYTES"
    with pytest.raises(WrinkleError):
        ask("wrinkle_unetpp", marker * 50)
    log = live_server.options.log_path
    assert log is not None
    assert marker not in log.read_bytes()
    assert np.frombuffer(marker, np.uint8).tolist().__repr__().encode() not in log.read_bytes()
