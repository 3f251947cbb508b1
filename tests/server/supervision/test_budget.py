"""Tries are counted within ten minutes."""

from __future__ import annotations

import time

import pytest

from wrinkle_server.supervision.budget import Budget


def test_budget_is_spent_and_comes_back_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 50.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    budget = Budget(2)
    assert [budget.spend(), budget.spend(), budget.spend()] == [True, True, False]
    assert budget.spent == 2
    now_s += 601
    assert budget.spent == 0
    assert budget.spend()


def test_no_budget_allows_nothing() -> None:
    assert not Budget(0).spend()
