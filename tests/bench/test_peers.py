"""The comparison: a wrong answer ends it; real servers on the shipped weights answer alike and are measured."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import wrinkle_bench.commands.peers as peers_command
from wrinkle_bench.ceiling.bare_network import Way
from wrinkle_bench.commands.bench import app
from wrinkle_bench.networks.choice import Weights, bench_network
from wrinkle_bench.peers.comparison import OURS, Comparison, PeerFigures
from wrinkle_bench.peers.contenders import CONTENDERS, contenders
from wrinkle_bench.peers.equality import Agreement
from wrinkle_bench.peers.peer import Contender, PeerAnswer
from wrinkle_bench.peers.run import Turns, compare
from wrinkle_core.contract import segmenter
from wrinkle_core.decode import decode_image
from wrinkle_core.errors import ContractError, InvalidParameterError

SPEC = segmenter("unetpp")


def comparison(*names: str) -> Comparison:
    network = bench_network(SPEC.name, Weights.SHIPPED)
    entrants = contenders(list(names), SPEC, network)
    return compare(SPEC, network, entrants, Way("LATENCY", "f32"), Turns(rounds=1, requests=2), tell=lambda _: None)


@pytest.mark.live
def test_ours_fastapi_and_onnxruntime_answer_alike_and_are_measured() -> None:
    found = comparison("fastapi", "onnxruntime")
    assert list(found.peers) == [OURS, "fastapi", "onnxruntime"]
    for name, peer in found.peers.items():
        assert peer.agreement.mask_iou >= 0.99, name
        assert len(peer.throughput_hz) == 1
        assert found.times_faster(name) > 0
    assert 0 < found.of_ceiling


@pytest.mark.live
@pytest.mark.slow
def test_every_contender_answers_alike_and_is_measured() -> None:
    assert list(comparison(*CONTENDERS).peers) == list(CONTENDERS)


@dataclass(frozen=True)
class Blind:
    """A fast system that finds nothing."""

    def infer(self, photo: bytes, *, probability: bool = False) -> PeerAnswer:
        size = decode_image(photo).shape[:2]
        return PeerAnswer(np.zeros(size, np.uint8), np.zeros(size, np.float32))


def test_a_wrong_answer_is_refused_before_anything_is_timed() -> None:
    network = bench_network(SPEC.name, Weights.SHIPPED)
    blind = Contender(OURS, "finds nothing", "openvino-f32", nullcontext(Blind()))
    told: list[str] = []
    with pytest.raises(ContractError, match="Nothing was timed"):
        compare(SPEC, network, [blind], Way("LATENCY", "f32"), Turns(1, 2), tell=told.append)
    assert told
    assert not any(line.startswith("round") for line in told)


def test_a_peer_that_is_missing_in_the_record_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[list[str]] = []

    def compare_nothing(*arguments: Any, **_: Any) -> Comparison:
        entrants = [one.name for one in arguments[2]]
        compared.append(entrants)
        figures = {
            name: PeerFigures(name, "openvino-f32", Agreement(0, 0, 1), 1.0, (1.0,), (1.0,)) for name in entrants
        }
        return Comparison("made up", 1024, 2, figures, Way("LATENCY", "f32"), (1.0,))

    monkeypatch.setattr(peers_command, "compare", compare_nothing)
    options = ["peers", "--models", SPEC.name, "--weights", "shipped", "--out", str(tmp_path), "--beside"]
    for beside in ("fastapi", "fastapi", "fastapi,onnxruntime"):
        assert CliRunner().invoke(app, [*options, beside]).exit_code == 0
    assert compared == [[OURS, "fastapi"], [OURS, "fastapi", "onnxruntime"]]


def test_an_unknown_peer_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="torchserve-bf16"):
        contenders(["tensorflow"], SPEC, bench_network(SPEC.name, Weights.SHIPPED))
