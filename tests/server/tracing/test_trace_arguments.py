"""Triton's arguments for traces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ServerStartError
from wrinkle_server.triton.options import ServerOptions, triton_arguments
from wrinkle_server.triton.trace_export import trace_arguments

ENDPOINT = "http://collector.example:4318"
OPTIONS = ServerOptions(Path("/repository"), SEGMENTERS)


def arguments_of(options: ServerOptions) -> list[str]:
    return triton_arguments(options, backends=Path("/b"), shared_memory_prefix="p", admin_key="k", gpu=False)


def test_nothing_is_traced_unless_a_collector_is_named() -> None:
    assert not any("trace-config" in argument for argument in arguments_of(OPTIONS))


def test_the_options_reach_triton() -> None:
    arguments = arguments_of(replace(OPTIONS, otlp_endpoint=ENDPOINT, trace_sample_rate=0.25))
    assert "--trace-config=mode=opentelemetry" in arguments
    assert f"--trace-config=opentelemetry,url={ENDPOINT}/v1/traces" in arguments
    assert "--trace-config=rate=4" in arguments


def test_tensors_are_never_traced() -> None:
    arguments = trace_arguments(ENDPOINT, 1.0)
    assert [argument for argument in arguments if "level" in argument] == ["--trace-config=level=TIMESTAMPS"]


@pytest.mark.parametrize(("share", "every"), [(0.0, 0), (1.0, 1), (0.5, 2), (0.01, 100), (0.3, 3), (1e-6, 1_000_000)])
def test_a_share_becomes_every_nth_request(share: float, every: int) -> None:
    assert f"--trace-config=rate={every}" in trace_arguments(ENDPOINT, share)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share: float) -> None:
    with pytest.raises(ServerStartError, match="0 to 1"):
        trace_arguments(ENDPOINT, share)


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "grpc://h:4317",
        "http://",
        "http://h:x",
        "http://h/?a=b",
        "http://h,level=TENSORS",
        "http://h h",
    ],
)
def test_what_is_no_collector_url_is_refused(endpoint: str) -> None:
    with pytest.raises(ServerStartError, match="http://HOST:4318"):
        trace_arguments(endpoint, 1.0)


def test_credentials_in_the_url_are_refused_and_not_quoted() -> None:
    with pytest.raises(ServerStartError) as raised:
        trace_arguments("http://user:secret@h:4318", 1.0)
    assert "secret" not in str(raised.value)
