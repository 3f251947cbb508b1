"""Results become rows of a table."""

from __future__ import annotations

import sys
from dataclasses import replace

import pandas
import pytest

from wrinkle_client import MissingExtraError
from wrinkle_client.testing import make_result


def test_rows_make_a_table_with_a_column_per_figure() -> None:
    first, second = make_result(threshold=0.25, request_id="a"), make_result(request_id="b")
    hidden = replace(second.report.regions[0], wrinkled_area_fraction=None)
    second = replace(second, report=replace(second.report, regions=(hidden, *second.report.regions[1:])))
    table = pandas.DataFrame([first.to_series(), second.to_series()])
    assert list(table.index) == ["a", "b"]
    assert list(table["threshold"]) == [0.25, second.report.threshold]
    assert table["chin.line_length_iod"].dtype == float
    assert table["forehead.wrinkled_area_fraction"].isna().tolist() == [False, True]
    assert list(table["warnings"]) == ["SMALL_FACE", "SMALL_FACE"]
    assert "quality.yaw_deg" in table
    assert "chin.name" not in table


def test_without_pandas_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pip install pandas"):
        make_result().to_series()
