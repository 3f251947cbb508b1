"""A photograph behind a URL, and what may be fetched: an opt-in for each photograph, for a URL is often a stranger's.

Whoever may name a URL that this process fetches can reach what only this process can: the machine itself, its network,
the cloud's metadata service. So only public addresses are fetched unless a policy names a host, see ``fetching.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from wrinkle_client.deadline import Deadline
from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES
from wrinkle_core.errors import InvalidParameterError

__all__ = ["RemotePhoto", "UrlPolicy"]

_MAX_REDIRECTS: Final = 10


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """What may be fetched, and how much of it.

    Attributes:
        schemes: Any of ``https`` and ``http``.
        ports: Ports that may be named, except by ``trusted_hosts``.
        trusted_hosts: ``host`` or ``host:port`` that may lie at any address and, with a port, at that port: your own
            picture store. Compared with the host as the URL writes it.
        max_redirects: Redirections followed, each checked like the first URL; 0 to 10.
        max_bytes: Size that is read at most; the client's own limit counts too.
        timeout_s: Limit of the whole fetch, name look-up and redirections included; in (0, 3600]. The call's own
            limit counts too.

    Raises:
        InvalidParameterError: A value is out of range.
    """

    schemes: tuple[str, ...] = ("https",)
    ports: tuple[int, ...] = (443, 80)
    trusted_hosts: tuple[str, ...] = ()
    max_redirects: int = 3
    max_bytes: int = DEFAULT_MAX_ENCODED_BYTES
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.schemes or not set(self.schemes) <= {"http", "https"}:
            raise InvalidParameterError(f"schemes is {self.schemes}, expected any of https and http.")
        if not 0 <= self.max_redirects <= _MAX_REDIRECTS:
            raise InvalidParameterError(f"max_redirects is {self.max_redirects}, expected 0 to {_MAX_REDIRECTS}.")
        if self.max_bytes < 1:
            raise InvalidParameterError(f"max_bytes is {self.max_bytes}, expected 1 or more.")
        Deadline.after(self.timeout_s)

    def trusts(self, host: str, port: int) -> bool:
        """Return whether the host is named in ``trusted_hosts``, alone or with this port."""
        return f"{host}:{port}" in self.trusted_hosts or (host in self.trusted_hosts and port in self.ports)


@dataclass(frozen=True, slots=True)
class RemotePhoto:
    """A photograph to fetch: ``client.segment(RemotePhoto("https://pictures.example.org/face.jpg"))``.

    Attributes:
        url: Where it lies; absent from ``repr``, for a signed URL is a secret.
        policy: What may be fetched.
    """

    url: str = field(repr=False)
    policy: UrlPolicy = UrlPolicy()
