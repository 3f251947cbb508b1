"""A gateway that would be open, or cannot work, is refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wrinkle_core.errors import InvalidParameterError
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions

BACKENDS = (Backend("127.0.0.1"),)
PEM = Path("some.pem")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", Backend("10.0.0.5", 8000, 8001, 8003)),
        ("triton.wrinkle.svc:1:2:3", Backend("triton.wrinkle.svc", 1, 2, 3)),
        ("[::1]:80:81:82", Backend("::1", 80, 81, 82)),
    ],
)
def test_backend_is_read_from_text(text: str, expected: Backend) -> None:
    assert Backend.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a b", "host:1", "host:1:2", "host:1:2:99999", "http://host", "-x", "a..b", "h:0:1:2"]
)
def test_malformed_backend_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterError):
        Backend.parse(text)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"host": "0.0.0.0"}, "needs TLS"),
        ({"host": "0.0.0.0", "token_file": PEM}, "needs TLS"),
        ({"host": "::", "certificate": PEM, "private_key": PEM}, "who asks"),
        ({"certificate": PEM}, "belong together"),
        ({"client_ca": PEM}, "need TLS"),
        ({"host": "example.org"}, "an IP address"),
        ({"port": 0}, "expected 1 to 65535"),
        ({"otlp_endpoint": "collector:4317"}, "is a URL"),
        ({"otlp_endpoint": "http://collector:99999"}, "is a URL"),
        ({"health_path": "/x?y"}, "is a path"),
        ({"trace_sample_rate": 1.5}, "expected 0 to 1"),
        ({"workers": -1}, "expected 0 to 256"),
        ({"backends": ()}, "needs 1 to"),
    ],
)
def test_option_that_cannot_be_meant_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidParameterError, match=reason):
        GatewayOptions(**{"backends": BACKENDS, **options})


@pytest.mark.parametrize("protection", [{"token_file": PEM}, {"client_ca": PEM}])
def test_gateway_for_others_is_accepted_with_tls_and_tokens_or_client_certificates(protection: dict[str, Path]) -> None:
    assert not GatewayOptions(BACKENDS, host="0.0.0.0", certificate=PEM, private_key=PEM, **protection).is_loopback  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "limits",
    [
        {"max_body_bytes": 1000},
        {"burst": 0},
        {"requests_per_minute": -1},
        {"request_timeout_s": 5000.0},
        {"max_heap_mib": 64},
        {"max_requests": 2**31},
    ],
)
def test_limit_out_of_range_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError):
        GatewayLimits(**limits)
