"""What the handler reads and writes, without a network."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from wrinkle_core.contract import CONTRACT_VERSION, DEFAULT_MAX_PIXELS
from wrinkle_core.errors import (
    ContractError,
    EmptyImageError,
    ImageTooLargeError,
    InvalidParameterError,
    NoFaceError,
    OverloadedError,
    ServerFaultError,
    WrinkleError,
)
from wrinkle_core.postprocess import Answer, ThresholdOptions
from wrinkle_handlers.replies import ModelIdentity, answer_reply, description_reply, refusal_reply
from wrinkle_handlers.requests import HandlerRequest, clean_request_id

MODEL = ModelIdentity("wrinkle_unetpp", "3")


def test_body_and_headers_are_a_request() -> None:
    headers = {"x-wrinkle-threshold": "0.25", "x-wrinkle-skin-mask": "TRUE", "x-wrinkle-geometry": "true", "host": "a"}
    request = HandlerRequest.read({"body": bytearray(b"file")}, headers)
    assert request == HandlerRequest(b"file", ThresholdOptions(0.25, skin_mask=True), geometry=True)
    assert "file" not in repr(request)


def test_form_is_the_same_request() -> None:
    fields = {"data": b"file", "threshold": b"0.25", "probability": bytearray(b"true")}
    assert HandlerRequest.read(fields, {}) == HandlerRequest(b"file", ThresholdOptions(0.25, True), geometry=False)


@pytest.mark.parametrize(
    ("fields", "headers", "error", "reason"),
    [
        ({}, {}, EmptyImageError, "no image file"),
        ({"body": b""}, {}, EmptyImageError, "no image file"),
        ({"body": "text"}, {}, EmptyImageError, "no image file"),
        ({"body": b"x"}, {"x-wrinkle-threshold": "2"}, InvalidParameterError, "between 0 and 1"),
        ({"body": b"x"}, {"x-wrinkle-threshold": "nan"}, InvalidParameterError, "between 0 and 1"),
        ({"body": b"x"}, {"x-wrinkle-probability": "yes"}, InvalidParameterError, "true or false"),
        ({"body": b"x"}, {"x-wrinkle-geometry": "1"}, InvalidParameterError, "true or false"),
        ({"body": b"x"}, {"x-wrinkle-threshold": "0" * 100}, InvalidParameterError, "100 characters"),
        ({"data": b"x", "colour": b"red"}, {}, InvalidParameterError, "'colour' is unknown"),
    ],
)
def test_request_that_cannot_be_answered_is_refused(
    fields: dict[str, object], headers: dict[str, str], error: type[WrinkleError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        HandlerRequest.read(fields, headers)


def test_request_id_can_break_no_log_line() -> None:
    assert clean_request_id({"x-request-id": "a:b-1.2_c"}) == "a:b-1.2_c"
    assert clean_request_id({"x-request-id": 'a"\n' + "b" * 200}) == "a__" + "b" * 125
    assert clean_request_id({}) == ""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoFaceError("none"), 400),
        (ImageTooLargeError("large"), 413),
        (ContractError("old"), 400),
        (OverloadedError("full"), 503),
        (ServerFaultError("broken"), 500),
    ],
)
def test_refusal_names_its_error_and_has_a_status_of_its_own(error: WrinkleError, status: int) -> None:
    reply = refusal_reply(error, "one")
    assert reply.status == status
    assert json.loads(reply.body) == {"code": error.code, "message": str(error), "request_id": "one"}


def test_message_of_a_refusal_is_bounded_to_one_line() -> None:
    message = json.loads(refusal_reply(NoFaceError("a\nb" + "c" * 1000), "").body)["message"]
    assert message.startswith("a bc")
    assert len(message) == 500


def test_answer_holds_what_was_asked_for_and_no_more() -> None:
    geometry = np.arange(3, dtype="<f4").tobytes()
    full = json.loads(answer_reply(MODEL, "one", Answer(b"m", b"p", b"s", b'{"segmenter":"unetpp"}'), geometry).body)
    assert full == {
        "contract_version": CONTRACT_VERSION,
        "model": "wrinkle_unetpp",
        "model_version": "3",
        "request_id": "one",
        "report": {"segmenter": "unetpp"},
        "mask_png": base64.b64encode(b"m").decode(),
        "probability_png": base64.b64encode(b"p").decode(),
        "skin_mask_png": base64.b64encode(b"s").decode(),
        "geometry": base64.b64encode(geometry).decode(),
    }
    plain = json.loads(answer_reply(MODEL, "one", Answer(b"m", b"", b"", b"{}"), None).body)
    assert plain.keys() == full.keys() - {"probability_png", "skin_mask_png", "geometry"}


def test_description_tells_who_answers() -> None:
    assert json.loads(description_reply(MODEL, "").body) == {
        "contract_version": CONTRACT_VERSION,
        "model": "wrinkle_unetpp",
        "model_version": "3",
        "request_id": "",
    }


def test_largest_answer_fits_torchserves_bound() -> None:
    from wrinkle_handlers.server.options import LARGEST_ANSWER_BYTES

    # An 8-bit and two 1-bit pictures that do not compress, in Base64, and a report.
    pictures = DEFAULT_MAX_PIXELS * (1 + 1 / 8 + 1 / 8)
    assert pictures * 4 / 3 + 256 * 1024 <= LARGEST_ANSWER_BYTES
