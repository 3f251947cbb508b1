"""Our ``rate()`` against the real Prometheus's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from wrinkle_scaling.cluster.rate import rate_hz

INTERVAL_S, WINDOW_S = 15, 120
NOT_THERE = None
SERIES: dict[str, list[int | None]] = {
    "old": [1000, 1003, 1009, 1010, 1030, 1031, 1050, 1050, 1061, 1080, 1090, 1100, 1100, 1117, 1120, 1150, 1151],
    "new": [NOT_THERE] * 11 + [0, 4, 9, 12, 20, 21],
    "gone": [500, 520, 530, 550, 570, 590, 600, 640, 650, 660, 670, 671] + [NOT_THERE] * 5,
    "just_two": [NOT_THERE] * 15 + [7, 9],
    "just_one": [NOT_THERE] * 16 + [7],
    "idle": [5] * 17,
}
AT_S = (100, 125, 187, 239)  # none a window after a sample: versions differ in whether that one counts


def ours(values: list[int | None], at_s: int) -> float | None:
    samples = [
        (float(number * INTERVAL_S), float(value))
        for number, value in enumerate(values)
        if value is not None and at_s - WINDOW_S < number * INTERVAL_S <= at_s
    ]
    return rate_hz(samples, float(at_s), float(WINDOW_S))


def expectations(name: str, values: list[int | None]) -> list[dict[str, object]]:
    """Return promtool's tests that nothing is further from our rate than rounding, and that there is one at all."""
    found: list[dict[str, object]] = []
    for at_s in AT_S:
        rate = ours(values, at_s)
        expression = f"rate({name}[{WINDOW_S}s])"
        count = [] if rate is None else [{"labels": "{}", "value": 1}]
        found.append({"expr": f"count({expression})", "eval_time": f"{at_s}s", "exp_samples": count})
        if rate is not None:
            found.append({"expr": f"abs({expression} - {rate!r}) > 1e-9", "eval_time": f"{at_s}s", "exp_samples": []})
    return found


@pytest.mark.needs("promtool")
def test_rates_are_those_of_prometheus(tmp_path: Path) -> None:
    document = {
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": f"{INTERVAL_S}s",
                "input_series": [
                    {"series": name, "values": " ".join("_" if value is None else str(value) for value in values)}
                    for name, values in SERIES.items()
                ],
                "promql_expr_test": [each for name, values in SERIES.items() for each in expectations(name, values)],
            }
        ],
    }
    path = tmp_path / "rates.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
