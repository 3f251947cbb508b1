"""Where a server says which contract version its models speak.

Triton: a parameter in each model's configuration, which the exporter writes. The gateway shows no configurations; there
the version of the server's own metadata is the contract's.
"""

from __future__ import annotations

from typing import Final

__all__ = ["VERSION_PARAMETER", "gateway_contract", "read_version"]

VERSION_PARAMETER: Final = "contract_version"
_GATEWAY_NAME: Final = "wrinkle-serving"


def gateway_contract(server_name: str, server_version: str) -> int | None:
    """Return the contract version that a gateway's metadata gives; None when it is no gateway's."""
    return read_version(server_version) if server_name == _GATEWAY_NAME else None


def read_version(text: str) -> int | None:
    """Return a version written as a whole number; None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
