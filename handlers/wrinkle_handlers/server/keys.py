"""The keys that TorchServe draws at each start: 48 random bits each, told in a file of its working folder.

Source: TorchServe docs/token_authorization_api.md.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from wrinkle_handlers.server.configuration import RunFiles

__all__ = ["Keys", "read_keys"]


@dataclass(frozen=True, slots=True)
class Keys:
    """Never in ``repr``, logs or messages.

    Attributes:
        inference: Asked for by predictions and health.
        management: Asked for by the management API.
    """

    inference: str = field(repr=False)
    management: str = field(repr=False)


def read_keys(run: RunFiles) -> Keys | None:
    """Return the keys, None while TorchServe has not written them; also write the inference key alone for clients."""
    try:
        document = json.loads(run.keys.read_bytes())
        keys = Keys(str(document["inference"]["key"]), str(document["management"]["key"]))
    except (OSError, ValueError, KeyError):  # not there yet, or half written
        return None
    descriptor = os.open(run.token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{keys.inference}\n")
    return keys
