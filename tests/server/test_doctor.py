"""``wrinkle doctor`` sees what is here and says what to do about the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from wrinkle_core.assets import ASSETS_DIR_VARIABLE
from wrinkle_server.doctor import Finding, examine


def finding(subject: str) -> Finding:
    return next(each for each in examine() if each.subject == subject)


@pytest.mark.parametrize("subject", ["platform", "C library", "Python", "libpython", "NumPy", "tritonserver"])
def test_machine_that_runs_the_tests_is_found_able_to_serve(subject: str) -> None:
    assert finding(subject).verdict == "ok"


def test_missing_face_networks_come_with_the_command_that_fetches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ASSETS_DIR_VARIABLE, str(tmp_path))
    missing = finding("face networks")
    assert missing.verdict == "failure"
    assert "wrinkle assets fetch" in missing.remedy


def test_every_finding_that_is_not_ok_says_what_to_do() -> None:
    assert all(each.remedy for each in examine() if each.verdict != "ok")
