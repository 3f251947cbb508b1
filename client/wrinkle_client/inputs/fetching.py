"""Fetching a remote photograph without becoming a stranger's way into this network.

For each URL, the redirections' too: scheme, port and absence of a password are checked; the name is resolved once; if
any of its addresses is not public the URL is refused; the connection goes to one of the very addresses that were
checked, so a name that resolves differently a moment later changes nothing. TLS still proves the name. Neither
proxies, nor cookies, nor credentials of the environment are used.

Whatever fails is told without the URL's path, which may hold a secret, and without saying what lies at an address that
was refused.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from wrinkle_client.deadline import Deadline
from wrinkle_client.inputs.public_addresses import is_public
from wrinkle_client.inputs.remote_photo import RemotePhoto, UrlPolicy
from wrinkle_client.name_lookup import NameLookup
from wrinkle_client.transports.deadline_response import DeadlineResponse
from wrinkle_core.errors import DeadlineExceededError, ImageTooLargeError, InvalidImageError, InvalidParameterError

__all__ = ["fetch"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_MAX_URL_CHARS: Final = 4096
_LOOKUP: Final = NameLookup(places=16)
_HEADERS: Final = {"Accept": "image/*", "User-Agent": "wrinkle-serving", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class _Place:
    """One URL, taken apart."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"


def fetch(photo: RemotePhoto, *, max_encoded_bytes: int, deadline: Deadline | None = None) -> bytes:
    """Return the file that the URL names, or one byte more than ``max_encoded_bytes`` of it.

    Raises:
        InvalidParameterError: The policy forbids the URL or a redirection.
        InvalidImageError: It cannot be fetched.
        ImageTooLargeError: It is over the policy's ``max_bytes``.
        DeadlineExceededError: It did not come in time.
    """
    policy = photo.policy
    limit_s = policy.timeout_s if deadline is None else min(policy.timeout_s, deadline.require_s())
    within = Deadline.after(limit_s)
    url = photo.url
    for _ in range(policy.max_redirects + 1):
        place = _permitted(url, policy)
        try:
            answer = _ask(place, _checked_addresses(place, policy, within), policy.max_bytes, within)
        except (TimeoutError, DeadlineExceededError) as error:
            raise DeadlineExceededError(f"The photograph did not come from {place.host} in {limit_s:.3g} s.") from error
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise InvalidImageError(f"The photograph cannot be fetched from {place.host}.") from error
        if isinstance(answer, bytes):
            return answer[: max_encoded_bytes + 1]
        url = urljoin(url, answer.location)
        if place.secure and not url.lower().startswith("https:"):
            raise InvalidParameterError(f"{place.host} redirects to an unencrypted URL, which is not followed.")
    raise InvalidParameterError(f"The URL redirects more than {policy.max_redirects} times.")


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str


def _permitted(url: str, policy: UrlPolicy) -> _Place:
    """Return the URL taken apart.

    Raises:
        InvalidParameterError: It is malformed, or the policy forbids it.
    """
    parts = _split(url)
    host = parts.hostname or ""
    if parts.scheme not in policy.schemes:
        raise InvalidParameterError(f"A photograph is fetched by {' or '.join(policy.schemes)}, not {parts.scheme!r}.")
    if parts.username is not None or parts.password is not None:
        raise InvalidParameterError("A URL with a name or password in it is not fetched.")
    try:
        port = parts.port or _PORTS[parts.scheme]
        ascii_host = host if ":" in host else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise InvalidParameterError("The URL's host or port is malformed.") from error
    if not ascii_host:
        raise InvalidParameterError("The URL names no host.")
    if port not in policy.ports and not policy.trusts(ascii_host, port):
        raise InvalidParameterError(f"Port {port} may not be fetched from; the policy has {_listed(policy.ports)}.")
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return _Place(parts.scheme == "https", ascii_host, port, target)


def _split(url: str) -> SplitResult:
    # urlsplit drops line breaks and tabs; a header must not get what the check did not see.
    if len(url) > _MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidParameterError("The URL is malformed or too long; write it percent-encoded, in ASCII.")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise InvalidParameterError("The URL is malformed.") from error


def _checked_addresses(place: _Place, policy: UrlPolicy, deadline: Deadline) -> list[tuple[Any, ...]]:
    """Return the host's socket addresses, each of them allowed.

    Raises:
        InvalidParameterError: One of them is not public.
    """
    found = _LOOKUP.addresses(place.host, place.port, deadline)
    if not policy.trusts(place.host, place.port) and not all(is_public(address[4][0]) for address in found):
        raise InvalidParameterError(f"{place.host} does not lie at a public address; it is not fetched from.")
    return found


def _ask(place: _Place, addresses: list[tuple[Any, ...]], max_bytes: int, deadline: Deadline) -> bytes | _Redirect:
    connection = http.client.HTTPConnection(place.host, place.port)
    connection.response_class = lambda sock, *args, **kwargs: DeadlineResponse(sock, deadline, *args, **kwargs)  # type: ignore[assignment]
    connection.sock = _connect(place, addresses, deadline)
    try:
        connection.request("GET", place.target, headers={"Host": place.host_header, **_HEADERS})
        with connection.getresponse() as response:
            location = response.getheader("Location")
            if response.status in _REDIRECTS and location:
                return _Redirect(location)
            if response.status != http.client.OK:
                raise InvalidImageError(f"{place.host} answered {response.status}, so there is no photograph.")
            if response.getheader("Content-Encoding", "identity").lower() != "identity":
                raise InvalidImageError(f"{place.host} sent the photograph compressed, which was not asked for.")
            if (response.length or 0) > max_bytes or len(data := response.read(max_bytes + 1)) > max_bytes:
                raise ImageTooLargeError(f"The photograph at {place.host} is larger than {max_bytes} bytes.")
            if response.length:
                raise InvalidImageError(f"{place.host} cut the photograph short.")
            return data
    finally:
        connection.close()


def _connect(place: _Place, addresses: list[tuple[Any, ...]], deadline: Deadline) -> socket.socket:
    """Return a connection to the first of the addresses that answers."""
    problem: OSError = OSError("no address")
    for family, kind, protocol, _, address in addresses:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.require_s())
            connection.connect(address)
            if not place.secure:
                return connection
            connection.settimeout(deadline.require_s())
            return ssl.create_default_context().wrap_socket(connection, server_hostname=place.host)
        except OSError as error:
            connection.close()
            problem = error
    raise problem


def _listed(ports: tuple[int, ...]) -> str:
    return ", ".join(map(str, ports))
