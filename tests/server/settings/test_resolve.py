"""What an operator chose reaches the part of the server that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.errors import ContractError, InvalidParameterError
from wrinkle_server.settings.resolve import (
    deployment,
    front_door,
    http_is_guarded,
    require_closed_inference,
    server_options,
    step_configs,
    supervision_options,
)
from wrinkle_server.settings.serve_settings import GatewaySettings, ServeSettings
from wrinkle_server.supervision.memory import memory_limit_bytes


def test_bounds_reach_the_models() -> None:
    settings = ServeSettings(
        instances=3, threads=2, max_waiting=5, max_queue_size=9, max_encoded_mib=2, max_pixels_mpx=3
    )
    made = deployment(settings)
    assert (made.preprocess_instances, made.threshold_instances, made.threads) == (3, 3, 2)
    assert (made.max_waiting, made.max_queue_size) == (5, 9)
    assert (made.max_encoded_bytes, made.max_pixels) == (2 * 2**20, 3_000_000)


def test_contradicting_bounds_are_refused() -> None:
    with pytest.raises(ContractError, match="its queue holds 4"):
        deployment(ServeSettings(max_waiting=5, max_queue_size=4))


def test_only_the_chosen_segmenters_have_steps() -> None:
    assert [config.name for config in step_configs(ServeSettings(models="unetpp"))] == [
        "skin_mask",
        "threshold",
        "unetpp",
    ]


def test_memory_ceiling_is_four_fifths_of_what_there_is_unless_chosen() -> None:
    assert supervision_options(ServeSettings()).max_memory_bytes == round(0.8 * memory_limit_bytes())
    assert supervision_options(ServeSettings(max_memory_mib=512)).max_memory_bytes == 512 * 2**20


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0"])
def test_health_is_reachable_from_where_the_server_is(host: str) -> None:
    assert supervision_options(ServeSettings(host=host)).health_host == host


def test_triton_itself_is_opened_on_demand_only() -> None:
    require_closed_inference(ServeSettings(host="127.0.0.2"))
    require_closed_inference(ServeSettings(host="10.0.0.5", open_inference=True))
    with pytest.raises(InvalidParameterError, match="--open-inference"):
        require_closed_inference(ServeSettings(host="10.0.0.5"))


def test_open_monitoring_opens_health_and_nothing_else() -> None:
    settings = ServeSettings(open_monitoring=True)
    assert (settings.host, supervision_options(settings).health_host) == ("127.0.0.1", "0.0.0.0")


@pytest.mark.live
def test_places_and_traces_reach_the_server(small_repository: Path, tmp_path: Path) -> None:
    settings = ServeSettings(
        http_port=1,
        grpc_port=2,
        metrics_port=3,
        log_file=tmp_path / "log",
        exit_timeout_s=4,
        otlp_endpoint="http://c:4318",
    )
    options = server_options(settings, small_repository)
    assert (options.http_port, options.grpc_port, options.metrics_port, options.exit_timeout_s) == (1, 2, 3, 4)
    assert (options.log_path, options.otlp_endpoint) == (tmp_path / "log", "http://c:4318")
    plain = server_options(ServeSettings(), small_repository)
    assert (plain.otlp_endpoint, plain.metrics_host) == (None, None)
    opened = server_options(ServeSettings(open_monitoring=True), small_repository)
    assert (opened.host, opened.metrics_host) == ("127.0.0.1", "0.0.0.0")


def test_gateway_stands_before_this_server_and_takes_no_more_than_the_server() -> None:
    gateway = GatewaySettings(enabled=True)
    settings = ServeSettings(
        host="0.0.0.0", http_port=1, grpc_port=2, health_port=3, max_encoded_mib=2, gateway=gateway
    )
    options = front_door(settings, None)
    assert options is not None
    (backend,) = options.backends
    assert (backend.host, backend.http_port, backend.grpc_port, backend.health_port) == ("127.0.0.1", 1, 2, 3)
    assert 2 * 2**20 < options.limits.max_body_bytes < 3 * 2**20


def test_unprotected_gateway_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="needs TLS"):
        front_door(ServeSettings(gateway=GatewaySettings(enabled=True, host="0.0.0.0")), None)


def test_http_is_guarded_on_loopback_beside_the_gateway_and_without_one(tmp_path: Path) -> None:
    socket = tmp_path / "http"
    assert http_is_guarded(ServeSettings())
    assert not http_is_guarded(ServeSettings(host="0.0.0.0", open_inference=True))
    assert not http_is_guarded(ServeSettings(http="bare"))
    assert front_door(ServeSettings(http="bare"), None) is None
    alone = front_door(ServeSettings(http_port=5), socket)
    assert alone is not None
    assert [(door.host, door.port, door.limits.requests_per_minute) for door in alone.doors] == [("127.0.0.1", 5, None)]
    settings = ServeSettings(http_port=5, gateway=GatewaySettings(enabled=True, port=6, token_file=tmp_path / "t"))
    beside = front_door(settings, socket)
    assert beside is not None
    told = [(door.port, door.token_file, door.limits.requests_per_minute) for door in beside.doors]
    assert told == [(6, tmp_path / "t", 600), (5, None, None)]
    assert {backend.http_socket for backend in (*alone.backends, *beside.backends)} == {socket}
