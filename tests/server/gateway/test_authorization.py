"""Who may ask, over HTTP: tokens through a real Envoy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_setup import HttpBackend, send, send_raw, until
from wrinkle_core.errors import UnauthorizedError, from_wire
from wrinkle_server.gateway.process import Gateway
from wrinkle_server.gateway.tokens import new_token

StartGateway = Callable[..., Gateway]


@pytest.fixture
def port(start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str) -> int:
    return start_gateway(backend, token_file=token_file).options.port


@pytest.mark.parametrize(
    "target", ["/v2/models/wrinkle_unetpp", "/v2/health/ready", "/v2", "/metrics", "/v2/repository/index"]
)
def test_request_without_a_token_is_answered_401_wherever_it_goes(port: int, backend: HttpBackend, target: str) -> None:
    reply = send(port, "GET", target)
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == 'Bearer realm="wrinkle"'
    assert isinstance(from_wire(reply.error), UnauthorizedError)
    assert backend.seen == []


def test_request_with_a_valid_token_reaches_the_backend_without_the_token(
    port: int, backend: HttpBackend, token: str
) -> None:
    assert send(port, authorization=f"Bearer {token}").status == 200
    (seen,) = backend.seen
    assert seen.headers["x-wrinkle-client"] == "clinic-a"
    assert token not in json.dumps(seen.headers)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_scheme_is_not_case_sensitive(port: int, token: str, scheme: str) -> None:
    assert send(port, authorization=f"{scheme} {token}").status == 200


@pytest.mark.parametrize("form", ["{}", "Basic {}", "Bearer {}x", "Bearer  {}", "Bearer {} ,Bearer {}", "Bearer wrk_"])
def test_other_forms_of_the_header_are_refused(port: int, token: str, form: str) -> None:
    assert send(port, authorization=form.format(token, token)).status == 401


def test_two_authorization_headers_are_refused(port: int, backend: HttpBackend, token: str) -> None:
    header = f"Authorization: Bearer {token}\r\n"
    request = f"GET /v2/models/wrinkle_unetpp HTTP/1.1\r\nHost: x\r\n{header}{header}\r\n"
    assert send_raw(port, request.encode()).status == 401
    assert backend.seen == []


def test_token_in_the_query_does_not_count(port: int, token: str) -> None:
    assert send(port, "GET", f"/v2/models/wrinkle_unetpp?access_token={token}").status == 401


def test_revoked_token_is_refused_while_the_gateway_runs(port: int, token_file: Path, token: str) -> None:
    assert send(port, authorization=f"Bearer {token}").status == 200
    token_file.write_text(f"{new_token('other').line}\n", encoding="utf-8")
    assert send(port, authorization=f"Bearer {token}").status == 401


def test_nobody_is_let_in_while_the_token_file_cannot_be_trusted(
    port: int, backend: HttpBackend, token_file: Path, token: str
) -> None:
    token_file.chmod(0o644)
    reply = send(port, authorization=f"Bearer {token}")
    assert reply.status == 503
    assert backend.seen == []
    token_file.chmod(0o600)
    assert send(port, authorization=f"Bearer {token}").status == 200


def test_nobody_is_let_in_when_the_authorization_step_is_gone(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str
) -> None:
    gateway = start_gateway(backend, token_file=token_file)
    gateway._authorize.close()  # its failure, not its interface, is under test
    assert send(gateway.options.port, authorization=f"Bearer {token}").status == 503
    assert backend.seen == []


def test_client_cannot_name_itself_or_pass_keys_and_addresses_on(port: int, backend: HttpBackend, token: str) -> None:
    sent = {
        "X-Wrinkle-Client": "somebody-else",
        "X-Wrinkle-Other": "1",
        "admin-key": "stolen",
        "ADMIN-KEY": "stolen",
        "triton-grpc-protocol-admin-key": "stolen",
        "triton-grpc-protocol-infer-key": "stolen",
        "X-Envoy-Max-Retries": "9",
        "X-Envoy-Retry-On": "5xx",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Host": "evil",
        "X-HTTP-Method-Override": "DELETE",
        "Forwarded": "for=192.0.2.1",
        "Cookie": "session=1",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    request = f"GET /v2/models/wrinkle_unetpp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{lines}\r\n"
    assert send_raw(port, request.encode()).status == 200
    (seen,) = backend.seen
    names = {name.lower() for name in seen.headers}
    assert names == {"host", "x-request-id", "x-forwarded-proto", "x-wrinkle-client"}
    assert seen.headers["x-wrinkle-client"] == "clinic-a"


def test_request_id_and_trace_context_are_kept(port: int, backend: HttpBackend, token: str) -> None:
    context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    reply = send(port, authorization=f"Bearer {token}", x_request_id="photo-7", traceparent=context)
    assert reply.headers["x-request-id"] == "photo-7"
    (seen,) = backend.seen
    assert seen.headers["X-Request-ID"] == "photo-7"
    assert seen.headers["traceparent"] == context


def test_answers_do_not_name_the_software(port: int, token: str) -> None:
    for reply in (
        send(port),
        send(port, authorization=f"Bearer {token}"),
        send(port, "GET", "/v2", authorization=f"Bearer {token}"),
    ):
        told = json.dumps(reply.headers).lower() + reply.body.decode().lower()
        assert not any(name in told for name in ("envoy", "triton", "aiohttp"))


def test_access_log_tells_what_happened_and_neither_tokens_nor_queries(
    start_gateway: StartGateway, backend: HttpBackend, token_file: Path, token: str, tmp_path: Path
) -> None:
    log = tmp_path / "lines.json"
    port = start_gateway(backend, token_file=token_file, access_log=log).options.port
    send(
        port,
        "POST",
        "/v2/models/wrinkle_unetpp/infer",
        body=b"x" * 1000,
        authorization=f"Bearer {token}",
        x_request_id="r1",
    )
    send(port, "GET", "/v2/secret-path?name=Jane", authorization=f"Bearer {token}", user_agent="browser-of-jane")
    send(port, "GET", "/v2/models/wrinkle_unetpp", authorization="Bearer wrk_wrong")
    assert until(lambda: log.exists() and len(log.read_text().splitlines()) == 3, timeout_s=15)
    text = log.read_text()
    served, unknown, refused = map(json.loads, text.splitlines())
    assert (served["client"], served["route"], served["status"]) == (
        "clinic-a",
        "POST /v2/models/wrinkle_unetpp/infer",
        200,
    )
    assert (served["request_bytes"], served["request_id"], served["attempts"]) == (1000, "r1", 1)
    assert (unknown["status"], unknown["route"]) == (404, "refused: not offered")
    assert refused["status"] == 401
    assert "client" not in refused
    assert not any(secret in text for secret in (token, "wrk_wrong", "Jane", "jane", "secret-path", "127.0.0.1:0"))
