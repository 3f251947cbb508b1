"""Records to compare and to draw, made up for the tests; none is a measurement."""

from __future__ import annotations

import pytest

from wrinkle_bench.machine import Machine


@pytest.fixture
def machine() -> Machine:
    """Return a machine that does not exist."""
    return Machine(
        processor="Testium",
        cores=2,
        flags=("avx2",),
        memory_gib=8.0,
        governor="",
        load_before=0.1,
        system="Linux",
        python="3.11.0",
        versions={"openvino": "1.0"},
        triton="wheel",
        measured_at="2026-01-02T03:04:05+00:00",
    )
