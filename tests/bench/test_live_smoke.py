"""The measurement that CI judges this machine's code by: ratios against the committed ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from wrinkle_bench.commands.bench import app

BASELINE = Path(__file__).resolve().parent.parent.parent / "bench" / "results" / "baseline.json"


@pytest.mark.live
@pytest.mark.alone
def test_no_ratio_is_worse_than_committed() -> None:
    result = CliRunner().invoke(app, ["smoke", "--baseline", str(BASELINE)])
    assert result.exit_code == 0, f"{result.output}{result.exception or ''}"
