"""The allow-list over HTTP before the real Triton: what is offered works; anything else, in any form, does not."""

from __future__ import annotations

import pytest

from gateway_setup import Reply, send_raw
from wrinkle_server.triton.model_server import ModelServer

pytestmark = pytest.mark.live

OFFERED = [
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/wrinkle_unetpp"),
    ("GET", "/v2/models/wrinkle_unetpp/ready"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/1/ready"),
    ("GET", "/v2/models/wrinkle_unet_texture/versions/1"),
    ("GET", "/v2/models/unetpp/ready"),
    ("GET", "/v2//models/wrinkle_unetpp/ready"),  # normalised to an offered address
    ("GET", "/v2/./models/../models/wrinkle_unetpp/ready"),
]

NOT_OFFERED = [
    ("POST", "/v2/repository/index"),
    ("POST", "/v2/repository/models/wrinkle_unetpp/load"),
    ("POST", "/v2/repository/models/wrinkle_unetpp/unload"),
    ("GET", "/v2/systemsharedmemory/status"),
    ("POST", "/v2/systemsharedmemory/region/x/register"),
    ("POST", "/v2/systemsharedmemory/unregister"),
    ("GET", "/v2/cudasharedmemory/status"),
    ("GET", "/v2/trace/setting"),
    ("POST", "/v2/trace/setting"),
    ("GET", "/v2/models/wrinkle_unetpp/trace/setting"),
    ("GET", "/v2/logging"),
    ("POST", "/v2/logging"),
    ("GET", "/v2/models/stats"),
    ("GET", "/v2/models/wrinkle_unetpp/stats"),
    ("GET", "/v2/models/wrinkle_unetpp/config"),
    ("POST", "/v2/models/wrinkle_unetpp/generate"),
    ("POST", "/v2/models/wrinkle_unetpp/generate_stream"),
    ("GET", "/metrics"),
    ("GET", "/livez"),
    ("GET", "/"),
    # steps that are reached through an ensemble only
    ("POST", "/v2/models/skin_mask/infer"),
    ("POST", "/v2/models/threshold/infer"),
    ("GET", "/v2/models/skin_mask"),
    # doubled and escaped slashes, dots
    ("POST", "//v2//repository//index"),
    ("POST", "/v2/./repository/index"),
    ("POST", "/v2/repository/./index"),
    ("POST", "/v2/models/../repository/index"),
    ("POST", "/v2/models/wrinkle_unetpp/../../repository/index"),
    ("POST", "/v2/%2e/repository/index"),
    ("POST", "/v2/models/%2e%2e/repository/index"),
    ("POST", "/v2/models/%2E%2E/repository/index"),
    ("POST", "/v2/models/..%2frepository/index"),
    ("POST", "/v2%2frepository/index"),
    ("POST", "/v2%2Frepository%2Findex"),
    ("POST", "/v2%5crepository%5cindex"),
    ("POST", "/v2\\repository\\index"),
    ("POST", "/v2/models/wrinkle_unetpp/infer/../../../repository/index"),
    ("POST", "/v2/models/wrinkle_unetpp/infer%2f..%2f..%2f..%2frepository%2findex"),
    ("POST", "/v2/models/%252e%252e/repository/index"),
    # escapes of letters, case
    ("POST", "/v2/%72epository/index"),
    ("POST", "/V2/repository/index"),
    ("POST", "/v2/Repository/Index"),
    ("GET", "/V2/models/wrinkle_unetpp"),
    ("GET", "/v2/models/WRINKLE_UNETPP"),
    # parameters, queries, trailing things
    ("POST", "/v2/repository/index;x=1"),
    ("POST", "/v2/models/wrinkle_unetpp/infer;/../../repository/index"),
    ("POST", "/v2/repository;/index"),
    ("POST", "/v2/repository/index?ready=true"),
    ("POST", "/v2/models/wrinkle_unetpp/infer?x=1"),
    ("GET", "/v2/models/wrinkle_unetpp?/../repository"),
    ("GET", "/v2/models/wrinkle_unetpp/ready/"),
    ("GET", "/v2/models/wrinkle_unetpp/"),
    ("GET", "/v2/models/wrinkle_unetpp%00"),
    ("GET", "/v2/models/wrinkle_unetpp%20"),
    ("POST", "/v2/models/wrinkle_unetpp/infer#/../../repository/index"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/0"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/-1"),
    ("GET", "/v2/models/wrinkle_unetpp/versions/../../../logging"),
    # other methods and targets
    ("GET", "/v2/models/wrinkle_unetpp/infer"),
    ("PUT", "/v2/models/wrinkle_unetpp/infer"),
    ("POST", "/v2/models/wrinkle_unetpp"),
    ("HEAD", "/v2/models/wrinkle_unetpp"),
    ("OPTIONS", "*"),
    ("TRACE", "/v2"),
    ("CONNECT", "127.0.0.1:8000"),
    ("post", "/v2/models/wrinkle_unetpp/infer"),
    ("POST", "http://127.0.0.1:8000/v2/repository/index"),
    ("POST", "http://localhost/v2/models/../repository/index"),
    ("POST", "v2/repository/index"),
]


def ask(port: int, token: str, method: str, target: str, extra: str = "") -> Reply:
    length = "Content-Length: 2\r\n" if method.upper() in ("POST", "PUT") else ""
    extra = f"Authorization: Bearer {token}\r\n{length}{extra}Connection: close\r\n"
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\n{extra}\r\n"
    return send_raw(port, head.encode() + (b"{}" if length else b""))


@pytest.mark.parametrize(("method", "target"), OFFERED)
def test_offered_address_works(live_port: int, live_token: str, method: str, target: str) -> None:
    assert ask(live_port, live_token, method, target).status == 200


@pytest.mark.parametrize(("method", "target"), NOT_OFFERED)
def test_address_that_is_not_offered_is_blocked(
    live_port: int, live_token: str, live_server: ModelServer, method: str, target: str
) -> None:
    """The key of Triton's restricted APIs changes nothing; without the gateway it opens them (next test)."""
    reply = ask(live_port, live_token, method, target, f"admin-key: {live_server.admin.admin_key}\r\n")
    assert reply.status in (400, 403, 404)


def test_restricted_api_is_really_there_behind_the_gateway(
    live_server: ModelServer, live_port: int, live_token: str
) -> None:
    key = f"admin-key: {live_server.admin.admin_key}\r\n"
    assert ask(live_server.options.http_port, live_token, "POST", "/v2/repository/index", key).status == 200
    assert ask(live_port, live_token, "POST", "/v2/repository/index", key).status == 404


@pytest.mark.parametrize(
    "name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"]
)
def test_override_headers_change_nothing(live_port: int, live_token: str, live_server: ModelServer, name: str) -> None:
    extra = f"admin-key: {live_server.admin.admin_key}\r\n{name}: "
    assert ask(live_port, live_token, "POST", "/v2/models/wrinkle_unetpp", f"{extra}GET\r\n").status == 404
    assert (
        b"wrinkle_unetpp"
        in ask(live_port, live_token, "GET", "/v2/models/wrinkle_unetpp", f"{extra}/v2/repository/index\r\n").body
    )
