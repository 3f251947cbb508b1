"""Tokens and certificates: what goes over the wire, to whom, and what never shows."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from driven_client import connect
from wrinkle_client import (
    NO_RETRIES,
    Client,
    InvalidParameterError,
    RetryPolicy,
    ServerUnreachableError,
    UnauthorizedError,
)
from wrinkle_client.credentials import Credentials, read_token
from wrinkle_client.endpoint import Endpoint

TOKEN = "wrk_0123456789-abcdef_ABCDEF"


def test_the_token_goes_with_every_call(tls_server: Any, authority: Any, photo: bytes, kind: str) -> None:
    with connect(kind, tls_server.url, token=TOKEN, ca_file=authority.file) as client:
        client.segment(photo)
        assert client.health().ready
        assert all(model.ready for model in client.models())
    asked = [request.headers.get("authorization") for request in tls_server.received]
    assert asked
    assert set(asked) == {f"Bearer {TOKEN}"}


def test_without_a_token_no_authorization_is_sent(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url) as client:
        client.segment(photo)
    assert "authorization" not in server.received[0].headers


def test_a_token_may_go_unencrypted_to_this_machine(server: Any, photo: bytes, kind: str) -> None:
    with connect(kind, server.url, token=TOKEN) as client:
        client.segment(photo)
    assert server.received[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("url", ["http://gateway.example", "grpc://192.0.2.7:8001", "http://localhost.example"])
def test_a_token_is_never_sent_unencrypted_to_another_machine(url: str) -> None:
    with pytest.raises(InvalidParameterError, match="unencrypted") as raised:
        Client(url, token=TOKEN)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_loopback_is_told_by_name_and_address(host: str) -> None:
    assert Endpoint.parse(f"http://{host}").loopback


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "localhost.example.org", "[2001:db8::1]", "0.0.0.0"])
def test_everything_else_is_another_machine(host: str) -> None:
    assert not Endpoint.parse(f"http://{host}").loopback


@pytest.mark.parametrize("token", ["", "two words", "new\nline", "ünicode", "x" * 5000, "a=b"])
def test_a_malformed_token_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(InvalidParameterError) as raised:
        Client("https://localhost", token=token)
    assert not token or token not in str(raised.value)


def test_the_token_is_in_no_repr() -> None:
    credentials = Credentials(token=TOKEN)
    assert TOKEN not in repr(credentials)
    assert TOKEN not in repr(Client("https://localhost", token=TOKEN))
    assert "token" not in {field.name for field in dataclasses.fields(credentials) if field.repr}


def test_a_server_of_an_unknown_authority_is_not_trusted(
    tls_server: Any, photo: bytes, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    caplog.set_level(logging.DEBUG, "wrinkle_client")
    policy = RetryPolicy(attempts=3, wait_initial_s=0.01, wait_jitter_s=0.0, wait_max_s=0.05)
    with connect(kind, tls_server.url, token=TOKEN, ca_file=tmp_path / "other.pem", retry=policy) as client:
        with pytest.raises(ServerUnreachableError, match="ca_file"):
            client.segment(photo, timeout_s=10)
    assert tls_server.received == []
    assert [message.partition(" failed")[0] for message in caplog.messages] == ["Try 1", "Try 2"], caplog.messages


def test_a_client_certificate_opens_a_server_that_asks_for_one(
    mutual_tls_server: Any, authority: Any, photo: bytes, kind: str
) -> None:
    certificate = authority.client_certificate
    with connect(kind, mutual_tls_server.url, ca_file=authority.file, client_certificate=certificate) as client:
        assert client.segment(photo).model == "unetpp"


def test_without_a_certificate_a_server_that_asks_for_one_stays_shut(
    mutual_tls_server: Any, authority: Any, photo: bytes, kind: str
) -> None:
    with connect(kind, mutual_tls_server.url, ca_file=authority.file, retry=NO_RETRIES) as client:
        with pytest.raises((UnauthorizedError, ServerUnreachableError)) as raised:
            client.segment(photo, timeout_s=10)
    assert mutual_tls_server.received == []
    if mutual_tls_server.url.startswith("https"):  # gRPC's core only says that the connection closed
        assert raised.type is UnauthorizedError


@pytest.mark.parametrize("protocol", ["https", "grpcs"])
@pytest.mark.parametrize("given", ["ca_file", "certificate", "key"])
def test_a_file_that_is_no_certificate_is_refused_at_once(
    protocol: str, given: str, authority: Any, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("this is no certificate")
    certificate, key = authority.client_certificate
    choices: dict[str, dict[str, Any]] = {
        "ca_file": {"ca_file": wrong},
        "certificate": {"client_certificate": (wrong, key)},
        "key": {"client_certificate": (certificate, wrong)},
    }
    with pytest.raises(InvalidParameterError) as raised:
        Client(f"{protocol}://localhost", **choices[given])
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize("protocol", ["https", "grpcs"])
def test_a_missing_file_is_refused_at_once(protocol: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="No such file"):
        Client(f"{protocol}://localhost", ca_file=tmp_path / "gone.pem")


def test_certificates_for_a_server_without_tls_are_refused(authority: Any) -> None:
    with pytest.raises(InvalidParameterError, match="https"):
        Client("http://localhost", ca_file=authority.file)


def test_a_token_file_is_its_one_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    assert read_token(path) == TOKEN


@pytest.mark.parametrize("content", ["", "one\ntwo\n", "one two\n"])
def test_another_file_is_no_token_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    with pytest.raises(InvalidParameterError, match="one line"):
        read_token(path)


@pytest.mark.parametrize("source", ["file", "environment"])
def test_the_command_takes_its_token_from_a_file_or_the_environment(
    tls_server: Any, authority: Any, photo: bytes, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "face.jpg").write_bytes(photo)
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("WRINKLE_TOKEN", "wrk_another" if source == "file" else TOKEN)
    options = ("--token-file", str(tmp_path / "token")) if source == "file" else ()
    command = [sys.executable, "-m", "wrinkle_client.cli", "segment", str(tmp_path / "face.jpg")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path), "--url", tls_server.url, "--ca-file", str(authority.file), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {request.headers["authorization"] for request in tls_server.received} == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.stdout + done.stderr
