"""Triton's command line: loopback, explicit models, restricted administration."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ServerStartError
from wrinkle_server.triton.options import ServerOptions, is_loopback, triton_arguments


def arguments(options: ServerOptions) -> list[str]:
    return triton_arguments(
        options, backends=Path("/backends"), shared_memory_prefix="mine", admin_key="secret", gpu=False
    )


def test_server_listens_on_loopback_unless_told_otherwise() -> None:
    told = arguments(ServerOptions(Path("/repository"), SEGMENTERS))
    assert {"--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--metrics-address=127.0.0.1"} <= set(told)


def test_metrics_are_where_the_supervisor_asks_for_them() -> None:
    told = arguments(ServerOptions(Path("/repository"), SEGMENTERS, host="127.0.0.2"))
    assert {"--http-address=127.0.0.2", "--metrics-address=127.0.0.2"} <= set(told)


def test_metrics_may_be_reached_where_inference_is_not() -> None:
    told = arguments(ServerOptions(Path("/repository"), SEGMENTERS, metrics_host="0.0.0.0"))
    assert {"--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--metrics-address=0.0.0.0"} <= set(told)


def test_exactly_the_ensembles_are_loaded_and_nothing_is_polled() -> None:
    told = arguments(ServerOptions(Path("/repository"), SEGMENTERS))
    assert "--model-control-mode=explicit" in told
    assert [a for a in told if a.startswith("--load-model")] == [f"--load-model={s.ensemble}" for s in SEGMENTERS]


def test_administration_asks_for_the_key_over_both_protocols() -> None:
    told = " ".join(arguments(ServerOptions(Path("/repository"), SEGMENTERS)))
    apis = "shared-memory,model-repository,trace,logging:admin-key=secret"
    assert f"--http-restricted-api={apis}" in told
    assert f"--grpc-restricted-protocol={apis}" in told


@pytest.mark.parametrize(("host", "expected"), [("127.0.0.1", True), ("127.0.0.2", True), ("0.0.0.0", False)])
def test_loopback_addresses_are_told_from_others(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_host_that_triton_cannot_listen_on_is_refused_with_what_to_write_instead(host: str) -> None:
    with pytest.raises(ServerStartError, match=r"use 127\.0\.0\.1"):
        is_loopback(host)
