"""When photographs come: patterns and recorded files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.arrivals.patterns import Constant, Diurnal, FlashCrowd, Pattern, RateSteps, poisson_arrivals
from wrinkle_scaling.arrivals.recorded import read_recorded


def arrivals(pattern: Pattern, duration_s: float, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(poisson_arrivals(pattern, duration_s, np.random.default_rng(seed)))


@pytest.mark.parametrize(
    ("pattern", "expected", "between_s", "share"),
    [
        (Constant(kind="constant", rate_hz=50.0), 50_000, (0.0, 500.0), 0.5),
        (Diurnal(kind="diurnal", lowest_hz=10.0, highest_hz=90.0, period_s=1000.0), 50_000, (250.0, 750.0), 0.754),
        (
            FlashCrowd(kind="flash_crowd", usual_hz=10, peak_hz=90, from_s=400, rise_s=100, hold_s=100),
            26_000,
            (400, 700),
            0.731,
        ),
        (RateSteps(steps=((0.0, 10.0), (500.0, 30.0))), 20_000, (0.0, 500.0), 0.25),
    ],
    ids=["constant", "diurnal", "flash crowd", "steps"],
)
def test_arrivals_follow_their_rate(
    pattern: Pattern, expected: int, between_s: tuple[float, float], share: float
) -> None:
    found = arrivals(pattern, 1000.0)
    assert found.size == pytest.approx(expected, rel=0.02)
    assert np.all(np.diff(found) >= 0.0)
    inside = np.count_nonzero((found >= between_s[0]) & (found < between_s[1])) / found.size
    assert inside == pytest.approx(share, abs=0.01)


def test_gaps_of_a_constant_rate_are_exponential() -> None:
    gaps_s = np.diff(arrivals(Constant(kind="constant", rate_hz=20.0), 2000.0))
    assert np.std(gaps_s) == pytest.approx(np.mean(gaps_s), rel=0.02)


def test_a_seed_says_it_all() -> None:
    pattern = Constant(kind="constant", rate_hz=20.0)
    assert np.array_equal(arrivals(pattern, 10.0, seed=3), arrivals(pattern, 10.0, seed=3))
    assert not np.array_equal(arrivals(pattern, 10.0, seed=3), arrivals(pattern, 10.0, seed=4))


def test_more_than_one_run_takes_is_refused_before_it_is_drawn() -> None:
    with pytest.raises(ValueError, match="at most"):
        arrivals(Constant(kind="constant", rate_hz=1e5), 86400.0)


def test_recorded_times_are_replayed_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    path.write_text("time_s\n2.5\n0.5\n1\n", encoding="utf-8")
    found = read_recorded(path)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [0.5, 1.0, 2.5]


def test_recorded_rates_hold_until_the_next(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("from_s,rate_hz\n0,5\n60,20\n", encoding="utf-8")
    rates = read_recorded(path)
    assert isinstance(rates, RateSteps)
    assert np.array_equal(rates.rates_hz(np.array([0.0, 59.9, 60.0, 1e6])), [5.0, 5.0, 20.0, 20.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("when,what\n1,2\n", "columns what, when"),
        ("", "columns none"),
        ("time_s\nsoon\n", "could not convert"),
        ("time_s\n-1\n", "not before 0"),
        ("time_s\ninf\n", "finite"),
        ("from_s,rate_hz\n5,1\n5,2\n", "rise"),
        ("from_s,rate_hz\n5\n", "no recorded trace"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidParameterError, match=message):
        read_recorded(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"gone\.csv cannot be read"):
        read_recorded(tmp_path / "gone.csv")
