"""TLS and client certificates through a real Envoy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway_setup import HttpBackend, send
from wrinkle_core.errors import ServerStartError
from wrinkle_server.gateway.process import Gateway

StartGateway = Callable[..., Gateway]


@pytest.fixture
def port(start_gateway: StartGateway, backend: HttpBackend, certificates: Any) -> int:
    files = {"certificate": certificates.certificate, "private_key": certificates.private_key}
    return start_gateway(backend, **files).options.port


@pytest.fixture
def mutual_port(start_gateway: StartGateway, backend: HttpBackend, certificates: Any) -> int:
    files = {"certificate": certificates.certificate, "private_key": certificates.private_key}
    return start_gateway(backend, client_ca=certificates.authority, **files).options.port


def test_request_over_tls_reaches_the_backend(port: int, backend: HttpBackend, certificates: Any) -> None:
    assert send(port, tls=certificates.client_trusts).status == 200
    assert backend.seen[0].headers["X-Forwarded-Proto"] == "https"


def test_request_in_the_clear_gets_no_answer_on_a_tls_port(port: int, backend: HttpBackend) -> None:
    with pytest.raises(ConnectionError):
        send(port)
    assert backend.seen == []


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_client_chooses_http_1_or_2_by_alpn(port: int, certificates: Any, protocol: str) -> None:
    context = certificates.client_trusts
    context.set_alpn_protocols([protocol])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            assert secure.selected_alpn_protocol() == protocol
    context.set_alpn_protocols(["http/1.1"])


def test_old_tls_is_refused(port: int, certificates: Any) -> None:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES256-SHA:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        send(port, tls=context)


def test_client_without_a_certificate_is_refused(mutual_port: int, backend: HttpBackend, certificates: Any) -> None:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        send(mutual_port, tls=context)
    assert backend.seen == []


def test_client_with_a_certificate_of_another_authority_is_refused(
    mutual_port: int, backend: HttpBackend, certificates: Any
) -> None:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    trustme.CA().issue_cert("clinic-a.example").configure_cert(context)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        send(mutual_port, tls=context)
    assert backend.seen == []


def test_client_with_a_certificate_is_known_by_its_fingerprint(
    mutual_port: int, backend: HttpBackend, certificates: Any
) -> None:
    context = ssl.create_default_context(cafile=str(certificates.authority))
    context.load_cert_chain(str(certificates.client_certificate))
    assert send(mutual_port, tls=context, x_wrinkle_client="somebody-else").status == 200
    name = backend.seen[0].headers["x-wrinkle-client"]
    assert len(name) == 64
    assert set(name) <= set("0123456789abcdef")


def test_key_that_does_not_fit_its_certificate_is_refused_at_the_start(
    start_gateway: StartGateway, backend: HttpBackend, certificates: Any, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(other))
    with pytest.raises(ServerStartError, match="refuses the gateway's configuration"):
        start_gateway(backend, certificate=certificates.certificate, private_key=other)
