"""``wrinkle doctor`` sees what is here and says what to do about the rest."""

from __future__ import annotations

import socket
import stat
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from wrinkle_core.assets import ASSETS_DIR_VARIABLE
from wrinkle_server.doctor.examination import examine
from wrinkle_server.doctor.finding import Finding
from wrinkle_server.gateway.tokens import new_token


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """Return a function that gives one finding for given settings."""

    def examine_with(subject: str, settings: Mapping[str, Any] | None = None) -> Finding:
        config = tmp_path / "serve.yaml"
        config.write_text(yaml.safe_dump(dict(settings or {})), encoding="utf-8")
        return next(each for each in examine(config) if each.subject == subject)

    return examine_with


@pytest.mark.parametrize("subject", ["platform", "C library", "Python", "libpython", "NumPy", "tritonserver"])
def test_machine_that_runs_the_tests_is_found_able_to_serve(subject: str, found: Any) -> None:
    assert found(subject).verdict == "ok"


def test_missing_face_networks_come_with_the_command_that_fetches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Any
) -> None:
    monkeypatch.setenv(ASSETS_DIR_VARIABLE, str(tmp_path))
    missing = found("face networks")
    assert missing.verdict == "failure"
    assert "wrinkle assets fetch" in missing.remedy


def test_every_finding_that_is_not_ok_says_what_to_do() -> None:
    assert all(each.remedy for each in examine() if each.verdict != "ok")


def test_settings_that_cannot_be_read_are_a_failure_and_the_rest_is_still_judged(found: Any) -> None:
    wrong = found("settings", {"threds": 3})
    assert wrong.verdict == "failure"
    assert "Did you mean threads" in wrong.found
    assert found("ports", {"threds": 3}).found.startswith("8000")


def test_taken_port_of_the_settings_is_named(found: Any) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        taken = found("ports", {"http_port": port})
    assert (taken.verdict, taken.found) == ("warning", f"{port} taken")


@pytest.mark.parametrize("setting", ["instances", "max_encoded_mib"])
def test_larger_settings_need_more_shared_memory(setting: str, found: Any) -> None:
    small, large = found("shared memory", {setting: 2}), found("shared memory", {setting: 64})
    assert _needed_mib(small) < _needed_mib(large)


def _needed_mib(finding: Finding) -> int:
    return int(finding.found.split(" MiB for everything")[0].split()[-1].replace(",", ""))


def test_unknown_segmenter_is_told_where_memory_would_be(found: Any) -> None:
    assert "resnet" in found("models", {"models": "resnet"}).found


def test_more_threads_than_cores_are_warned_of(found: Any) -> None:
    assert found("cores", {"threads": 1024}).verdict == "warning"


def test_gateway_is_examined_only_when_asked_for(found: Any) -> None:
    assert found("gateway").found == "not asked for"
    assert found("gateway", {"gateway": {"enabled": True, "host": "0.0.0.0"}}).verdict == "failure"


@pytest.mark.parametrize(
    ("days_left", "verdict"), [(-1, "failure"), (10, "warning"), (300, "ok")], ids=["ended", "ending", "good"]
)
def test_certificate_is_judged_by_the_days_it_has_left(
    days_left: int, verdict: str, tmp_path: Path, found: Any
) -> None:
    now = datetime.now(timezone.utc)
    issued = trustme.CA().issue_cert(
        "localhost", not_before=now - timedelta(days=90), not_after=now + timedelta(days_left)
    )
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    key.chmod(0o644)
    gateway = {"enabled": True, "certificate": str(certificate), "private_key": str(key)}
    assert found("certificate", {"gateway": gateway}).verdict == verdict
    assert found("private key", {"gateway": gateway}).verdict == "warning"


def test_file_that_is_no_certificate_is_a_failure(tmp_path: Path, found: Any) -> None:
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    gateway = {"enabled": True, "certificate": str(tmp_path / "text")}
    assert "no PEM certificate" in found("certificate", {"gateway": gateway}).found


def test_token_file_that_others_can_read_is_a_failure(tmp_path: Path, found: Any) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(new_token("clinic").line + "\n", encoding="utf-8")
    tokens.chmod(0o644)
    gateway = {"enabled": True, "token_file": str(tokens)}
    assert found("token file", {"gateway": gateway}).verdict == "failure"
    tokens.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert found("token file", {"gateway": gateway}).verdict == "ok"
