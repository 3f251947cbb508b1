"""Who asks, and whom to trust: bearer token, client certificate, certificate authorities.

A token goes only over TLS or to this machine itself. It is in no ``repr`` and in no message of ours.

Source: RFC 6750, section 2.1 (bearer token), RFC 8446 (TLS 1.3, client certificates).
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wrinkle_client.endpoint import Endpoint
from wrinkle_core.errors import InvalidParameterError

__all__ = ["Credentials", "read_token"]

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,4096}=*")
_MAX_FILE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows a server, and what a server has to show it.

    Attributes:
        token: Bearer token; never in ``repr``.
        ca_file: PEM file of the authorities that may have signed the server's certificate; None is the system's.
        certificate: PEM file of the client's certificate, with its chain.
        key: PEM file of its private key, without a passphrase.
    """

    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def of(
        cls,
        token: str | None,
        ca_file: str | Path | None,
        client_certificate: tuple[str | Path, str | Path] | None,
    ) -> Credentials:
        """Return credentials from the options of a client."""
        certificate, key = client_certificate or (None, None)
        files = (None if name is None else Path(name) for name in (ca_file, certificate, key))
        return cls(token, *files)

    def check(self, endpoint: Endpoint) -> None:
        """Refuse what would leak a token or silently change nothing.

        Raises:
            InvalidParameterError: The token is malformed or would go unencrypted to another machine, or certificates
                are given for a server without TLS.
        """
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise InvalidParameterError("The token is 1 to 4096 letters, digits or . _ ~ + / - with = at the end only.")
        if self.token is not None and not endpoint.secure and not endpoint.loopback:
            raise InvalidParameterError(
                f"The token would travel to {endpoint.host} unencrypted; use https:// or grpcs://, or leave it out."
            )
        if not endpoint.secure and (self.ca_file or self.certificate or self.key):
            raise InvalidParameterError(f"Certificates are for https:// and grpcs://, not for {endpoint.url}.")
        if (self.certificate is None) != (self.key is None):
            raise InvalidParameterError("A client certificate is two files: the certificate and its private key.")

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers, or gRPC metadata, of every call."""
        return {} if self.token is None else {"authorization": f"Bearer {self.token}"}

    def tls_context(self) -> ssl.SSLContext:
        """Return the settings of a TLS connection.

        Raises:
            InvalidParameterError: A file cannot be read or is no certificate or key.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise _unusable("authorities' file", error) from error
        if self.certificate is not None and self.key is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, password="")  # never ask a person for a passphrase
            except OSError as error:
                raise _unusable("client certificate or its key", error) from error
        return context

    def pem(self) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Return authorities, private key and certificate chain as PEM, in gRPC's order.

        Raises:
            InvalidParameterError: A file cannot be read or is no certificate or key.
        """
        self.tls_context()  # gRPC itself only fails at the first call, without saying why
        return _read(self.ca_file), _read(self.key), _read(self.certificate)


def read_token(path: Path) -> str:
    """Return the token in a file: its only line.

    Raises:
        InvalidParameterError: The file cannot be read or does not hold exactly one line.
    """
    content = _read(path) or b""
    lines = content.decode("ascii", "replace").split()
    if len(lines) != 1:
        raise InvalidParameterError("The token file holds one line, the token, and nothing else.")
    return lines[0]


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unusable("file", error) from error
    if len(content) > _MAX_FILE_BYTES:
        raise InvalidParameterError("A token, certificate or key file is over 1 MiB; it is another file.")
    return content


def _unusable(what: str, error: OSError) -> InvalidParameterError:
    reason = (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or type(error).__name__
    return InvalidParameterError(f"The {what} cannot be used: {reason}.")
