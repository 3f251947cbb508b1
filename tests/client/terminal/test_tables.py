"""Tables for a terminal that holds what a server or a file name says."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from wrinkle_client import QualityWarning
from wrinkle_client.before_after.comparison import compare
from wrinkle_client.terminal.change_table import change_table
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


@pytest.mark.parametrize("repeats", [True, False])
def test_a_comparison_without_repeats_does_not_speak_of_them(repeats: bool) -> None:
    photo = make_result().photo
    assert photo is not None
    comparison = compare(photo, photo, lambda one: make_result(one, geometry=True), repeats=repeats)
    printed = io.StringIO()
    Console(file=printed, width=200).print(change_table(comparison))
    assert ("was not measured (--no-repeats)" in printed.getvalue()) is not repeats
    assert ("Bold changes are beyond" in printed.getvalue()) is repeats
