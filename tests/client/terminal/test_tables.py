"""Tables for a terminal that holds what a server or a file name says."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from wrinkle_client import QualityWarning
from wrinkle_client.terminal.region_table import region_table
from wrinkle_client.testing import make_result


def test_a_server_s_warning_sends_no_code_to_the_terminal() -> None:
    made = make_result()
    warning = QualityWarning("SMALL_FACE", "\x1b]0;title\x07 small")
    result = replace(made, report=replace(made.report, warnings=(warning,)))
    printed = io.StringIO()
    Console(file=printed, width=100).print(region_table("face.jpg", result))
    assert "small" in printed.getvalue()
    assert "\x1b" not in printed.getvalue()
