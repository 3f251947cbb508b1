from __future__ import annotations

import pytest

from wrinkle_client import Client, Endpoint, InvalidParameterError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost", Endpoint("http", False, "localhost", 8000)),
        ("grpc://localhost", Endpoint("grpc", False, "localhost", 8001)),
        ("https://skin.example/api/", Endpoint("http", True, "skin.example", 443, "/api")),
        ("grpcs://skin.example:9000", Endpoint("grpc", True, "skin.example", 9000)),
        ("HTTP://[::1]:80/", Endpoint("http", False, "::1", 80)),
    ],
)
def test_the_scheme_names_the_protocol_and_its_usual_port(url: str, expected: Endpoint) -> None:
    assert Endpoint.parse(url) == expected
    assert Endpoint.parse(expected.url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8001",
        "localhost",
        "",
        "ftp://localhost",
        "http://",
        "http://localhost:port",
        "http://localhost:99999",
        "http://[::1",
        "http://localhost/?model=x",
        "http://localhost/#x",
        "grpc://localhost/path",
        " http://localhost",
        "http://localhost/a b",
        "http://localhost/\n",
        "http://localh\u00f6st",
    ],
)
def test_a_url_that_leaves_something_to_a_guess_is_refused(url: str) -> None:
    with pytest.raises(InvalidParameterError):
        Client(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidParameterError) as raised:
        Client("http://me:hunter2@localhost:8000")
    assert "hunter2" not in str(raised.value)


def test_the_client_defaults_to_where_wrinkle_serve_listens() -> None:
    with Client() as client:
        assert client.url == "http://localhost:8000"
