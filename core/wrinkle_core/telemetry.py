"""Keeping OpenVINO's tools from reporting their use.

``import openvino`` and ``import nncf`` send an event over the network and write a client id under the user's home when
they can import the package ``openvino_telemetry``; neither asks first. Where they cannot import it they use a stub.

Source: openvino/tools/ovc/__init__.py and telemetry_utils.py of OpenVINO 2026; nncf/telemetry/wrapper.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["telemetry_blocked"]

_PACKAGE: Final = "openvino_telemetry"


@contextmanager
def telemetry_blocked() -> Iterator[None]:
    """Let nothing that is imported inside the block find ``openvino_telemetry``."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == _PACKAGE}
    for name in before:
        del sys.modules[name]
    sys.modules[_PACKAGE] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[_PACKAGE]
        sys.modules.update(before)
