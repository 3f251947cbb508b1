"""The canary photograph's answer is known, and a wrong one is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from wrinkle_core.contract import SEGMENTERS, SegmenterContract, segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import ServerFaultError
from wrinkle_core.postprocess import Answer, ThresholdOptions
from wrinkle_server.supervision import canary as canary_module
from wrinkle_server.supervision.canary import Canary, canary_photo
from wrinkle_server.triton.admin_api import AdminApi

InProcess = Callable[[SegmenterContract, bytes, ThresholdOptions], Answer]


def outputs_of(answer: Answer) -> dict[str, bytes]:
    return {
        "MASK_PNG": answer.mask_png,
        "PROBABILITY_PNG": b"",
        "SKIN_MASK_PNG": b"",
        "REPORT_JSON": answer.report_json,
    }


class Server(AdminApi):
    """Says which versions an ensemble runs; the answers come from the test."""

    versions = "1"

    def config(self, model_name: str) -> dict[str, Any]:
        return {"ensemble_scheduling": {"step": [{"model_version": self.versions}, {}]}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, good: dict[str, bytes]) -> Server:
    monkeypatch.setattr(canary_module, "infer_over", lambda *_: dict(good))
    return Server("127.0.0.1", 1, 2, 3, "key")


@pytest.fixture
def good(in_process: InProcess) -> dict[str, bytes]:
    answer = in_process(segmenter("unetpp"), canary_photo(), ThresholdOptions())
    return outputs_of(answer)


def check(server: Server, times: int = 1) -> None:
    canary = Canary(segmenter("unetpp"))
    for _ in range(times):
        canary.check(server, 1.0)


def test_photograph_is_small_and_says_nothing_of_its_making() -> None:
    assert len(canary_photo()) < 60_000
    assert b"Exif" not in canary_photo()
    assert decode_image(canary_photo()).shape == (440, 440, 3)


@pytest.mark.parametrize("spec", SEGMENTERS, ids=lambda spec: spec.name)
def test_every_segmenter_gives_the_known_answer(
    spec: SegmenterContract, in_process: InProcess, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    answer = in_process(spec, canary_photo(), ThresholdOptions())
    outputs = outputs_of(answer)
    monkeypatch.setattr(canary_module, "infer_over", lambda *_: outputs)
    Canary(spec).check(server, 1.0)


def test_good_answer_passes_again_and_again(server: Server) -> None:
    check(server, times=3)


def change(report: bytes, **changed: Any) -> bytes:
    document = json.loads(report)
    for name, value in changed.items():
        (document["whole_face"] if name in document["whole_face"] else document)[name] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda good: good.pop("REPORT_JSON"), "lacks REPORT_JSON"),
        (lambda good: good.update(MASK_PNG=b""), "is empty"),
        (lambda good: good.update(REPORT_JSON=b"{}"), "cannot be read"),
        (lambda good: good.update(MASK_PNG=b"no picture"), "no picture"),
        (lambda good: good.update(REPORT_JSON=change(good["REPORT_JSON"], interocular_distance_px=60.0)), "place"),
        (lambda good: good.update(REPORT_JSON=change(good["REPORT_JSON"], wrinkled_area_fraction=0.0)), "no face has"),
        (lambda good: good.update(REPORT_JSON=change(good["REPORT_JSON"], wrinkled_area_fraction=0.8)), "no face has"),
    ],
)
def test_wrong_answer_is_noticed(
    spoil: Callable[[dict[str, bytes]], Any],
    message: str,
    server: Server,
    good: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(good)
    monkeypatch.setattr(canary_module, "infer_over", lambda *_: good)
    with pytest.raises(ServerFaultError, match=message):
        check(server)


def moved(mask_png: bytes) -> bytes:
    mask = cv2.imdecode(np.frombuffer(mask_png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    return cv2.imencode(".png", np.roll(mask, 2, axis=1))[1].tobytes()


def test_mask_that_differs_from_the_first_one_is_noticed_unless_the_version_changed(
    server: Server, good: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = Canary(segmenter("unetpp"))
    canary.check(server, 1.0)
    monkeypatch.setattr(canary_module, "infer_over", lambda *_: good | {"MASK_PNG": moved(good["MASK_PNG"])})
    with pytest.raises(ServerFaultError, match="other wrinkles"):
        canary.check(server, 1.0)
    monkeypatch.setattr(Server, "versions", "2")
    canary.check(server, 1.0)
