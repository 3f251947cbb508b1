"""Who may register shared memory: the administrator, or, where that is switched on, every client of this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wrinkle_core.contract import SEGMENTERS
from wrinkle_core.errors import ServerStartError
from wrinkle_server.triton.options import ServerOptions, triton_arguments


def restricted(options: ServerOptions) -> list[str]:
    """Return what each front end keeps to the administrator."""
    arguments = triton_arguments(
        options, backends=Path("backends"), shared_memory_prefix="own", admin_key="secret", gpu=False
    )
    values = [argument.partition("=")[2] for argument in arguments if "-restricted-" in argument]
    return [value.partition(":")[0] for value in values]


OPTIONS = ServerOptions(Path("repository"), SEGMENTERS)


def test_it_is_the_administrator_s_by_default() -> None:
    assert restricted(OPTIONS) == ["shared-memory,model-repository,trace,logging"] * 2


def test_switched_on_only_that_one_is_open() -> None:
    assert restricted(replace(OPTIONS, shared_memory_api=True)) == ["model-repository,trace,logging"] * 2


def test_it_is_never_open_beyond_this_machine() -> None:
    with pytest.raises(ServerStartError, match="loopback"):
        restricted(replace(OPTIONS, shared_memory_api=True, host="0.0.0.0"))
