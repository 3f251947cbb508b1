"""Two sides that meet and may be of different contract versions: which is older, and what to upgrade.

A mixture is refused, never half understood: a picture in the wrong frame looks like an answer.
"""

from __future__ import annotations

from wrinkle_core.contract import CONTRACT_VERSION
from wrinkle_core.errors import ContractError

__all__ = ["require_contract_version"]


def require_contract_version(found: object, *, of: str, here: str, renew: str = "") -> None:
    """Check the contract version that the other side tells.

    Args:
        found: The version it told, of whatever type.
        of: The other side, as a sentence begins: ``The server``.
        here: This side, as a sentence goes on: ``this client``.
        renew: What to do when the other side is the older one; by default to upgrade it.

    Raises:
        ContractError: It is another version; the message says which side is older and what to upgrade.
    """
    if found == CONTRACT_VERSION and not isinstance(found, bool):
        return
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ContractError(f"{of} tells no contract version, {here} speaks {CONTRACT_VERSION}.")
    other = f"{of[0].lower()}{of[1:]}"
    if found < CONTRACT_VERSION:
        older, remedy = other, renew or f"upgrade {other}"
    else:
        older, remedy = here, f"upgrade {here}"
    raise ContractError(
        f"{of} is of contract version {found:g}, {here} speaks {CONTRACT_VERSION}: {older} is older; {remedy}."
    )
