"""Opaque bearer tokens: what one looks like, and the file that says which are valid.

The file holds one ``name:sha256`` per line, never a token; ``#`` starts a comment line. Two lines may share a name, so
that a client can change over from an old token to a new one. A token carries 256 random bits, so a plain hash is
enough: there is no dictionary to try.

Source: RFC 6750 (bearer tokens).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wrinkle_core.errors import ArtifactError, InvalidParameterError

__all__ = ["NewToken", "TokenFile", "append_line", "new_token"]

_PREFIX: Final = "wrk_"
_RANDOM_BYTES: Final = 32
_TOKEN: Final = re.compile(r"wrk_[A-Za-z0-9_-]{43}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LINE: Final = re.compile(r"([a-z0-9][a-z0-9._-]{0,63}):([0-9a-f]{64})")
_MAX_FILE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class NewToken:
    """A token that is shown once, and the line of the token file that makes it valid."""

    token: str
    line: str

    def __repr__(self) -> str:
        return f"NewToken({self.line.partition(':')[0]})"


def new_token(name: str) -> NewToken:
    """Draw a token for the client ``name``.

    Raises:
        InvalidParameterError: ``name`` is not 1 to 64 lower-case letters, digits, dots, dashes or underscores.
    """
    if not _NAME.fullmatch(name):
        raise InvalidParameterError(
            f"A client's name is 1 to 64 lower-case letters, digits, dots, dashes or underscores, got {name!r}."
        )
    token = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return NewToken(token, f"{name}:{hashlib.sha256(token.encode('ascii')).hexdigest()}")


def append_line(path: Path, line: str) -> None:
    """Add a line to the token file, which is made for its owner only when it is not there.

    Raises:
        ArtifactError: The file cannot be written, is open to others or malformed.
    """
    try:
        with open(path, "ab+", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.seek(-min(1, file.tell()), os.SEEK_END)
            gap = b"" if file.read(1) in (b"", b"\n") else b"\n"  # a last line written by hand
            file.write(gap + f"{line}\n".encode())
    except OSError as error:
        raise ArtifactError(f"The token file {path} cannot be written: {error.strerror}.") from error
    TokenFile(path).refresh()


class TokenFile:
    """The tokens that are valid now; the file is read again whenever it changes.

    A changed file that cannot be read makes every token invalid until it can: a revoked token must not live on because
    of a slip of the pen. Replace the file by renaming a whole one over it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, ...] = ()
        self._tokens: tuple[tuple[bytes, str], ...] = ()

    def client_of(self, token: str) -> str | None:
        """Return the name of the client that ``token`` belongs to, or None when it is not valid.

        Every stored digest is compared in constant time, whichever matches.

        Raises:
            ArtifactError: The file is missing, open to others or malformed.
        """
        self.refresh()
        if not _TOKEN.fullmatch(token):
            return None
        digest = hashlib.sha256(token.encode("ascii")).digest()
        matches = [name for stored, name in self._tokens if hmac.compare_digest(stored, digest)]
        return matches[0] if matches else None

    def refresh(self) -> None:
        """Read the file again when it has changed.

        Raises:
            ArtifactError: The file is missing, open to others or malformed.
        """
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)
            if version == self._version:
                return
            self._version, self._tokens = (), ()
            if _is_open(status):
                raise ArtifactError(f"The token file {self._path} is open to other users; run chmod 600 on it.")
            if status.st_size > _MAX_FILE_BYTES:
                raise ArtifactError(f"The token file {self._path} is over {_MAX_FILE_BYTES} bytes.")
            text = self._path.read_text(encoding="utf-8")
        except OSError as error:
            self._version, self._tokens = (), ()
            raise ArtifactError(f"The token file {self._path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise ArtifactError(f"The token file {self._path} is no text.") from error
        self._tokens = _parse(text, self._path)
        self._version = version


def _is_open(status: os.stat_result) -> bool:
    """Return whether others may read or change a file.

    Root's file that its group may read passes: so a pod that does not run as root sees a Secret.

    Source: Kubernetes, "Configure a Security Context for a Pod", ``fsGroup``.
    """
    open_bits = status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    if status.st_uid == 0 != os.getuid():
        open_bits &= ~stat.S_IRGRP
    return bool(open_bits)


def _parse(text: str, path: Path) -> tuple[tuple[bytes, str], ...]:
    found: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            raise ArtifactError(
                f"Line {number} of the token file {path} is not name:sha256; "
                "`wrinkle gateway new-token NAME` prints such a line."
            )
        digest = bytes.fromhex(parts[2])
        if digest in found:
            raise ArtifactError(f"Line {number} of the token file {path} repeats a token of {found[digest]!r}.")
        found[digest] = parts[1]
    return tuple(found.items())
