"""Every kind of gateway has a configuration that Envoy itself accepts, without a warning."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from wrinkle_core.contract import MODELS
from wrinkle_server.gateway.bootstrap import bootstrap, to_yaml
from wrinkle_server.gateway.envoy_binary import find_envoy
from wrinkle_server.gateway.options import Backend, GatewayLimits, GatewayOptions
from wrinkle_server.gateway.replies import local_replies
from wrinkle_server.gateway.routes import OFFERED_MODELS


@pytest.fixture
def protection(certificates: Any, token_file: Path) -> dict[str, Path]:
    return {
        "certificate": certificates.certificate,
        "private_key": certificates.private_key,
        "client_ca": certificates.authority,
        "token_file": token_file,
    }


@pytest.mark.parametrize("backends", [("127.0.0.1",), ("10.0.0.1", "[fd00::1]:1:2:3"), ("triton.example",)], ids=str)
@pytest.mark.parametrize("protected", [True, False])
def test_envoy_accepts_the_configuration_without_a_warning(
    backends: tuple[str, ...], protected: bool, protection: dict[str, Path], tmp_path: Path
) -> None:
    more: dict[str, Any] = (
        {**protection, "host": "0.0.0.0", "otlp_endpoint": "http://collector:4318"} if protected else {}
    )
    options = GatewayOptions(tuple(map(Backend.parse, backends)), access_log=tmp_path / "log", **more)
    path = tmp_path / "envoy.yaml"
    path.write_text(to_yaml(bootstrap(options, tmp_path)), encoding="utf-8")
    command = [str(find_envoy()), "--mode", "validate", "-c", str(path), "--log-level", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warning]" not in done.stderr


def test_configuration_depends_on_the_options_alone(tmp_path: Path) -> None:
    options = GatewayOptions((Backend("127.0.0.1"),), limits=GatewayLimits(burst=7))
    text = to_yaml(bootstrap(options, tmp_path))
    assert text == to_yaml(bootstrap(options, tmp_path))
    assert yaml.safe_load(text) == bootstrap(options, tmp_path)


def test_secrets_are_named_by_their_files_and_not_copied(
    protection: dict[str, Path], token: str, tmp_path: Path
) -> None:
    options = GatewayOptions((Backend("127.0.0.1"),), **protection)  # type: ignore[arg-type]
    text = to_yaml(bootstrap(options, tmp_path))
    assert token not in text
    assert token.removeprefix("wrk_") not in text
    assert "PRIVATE KEY" not in text


def test_offered_models_are_the_ensembles_and_the_networks_of_the_contract() -> None:
    kinds = {contract.name: contract.kind for contract in MODELS}
    assert {kinds[name] for name in OFFERED_MODELS} == {"ensemble", "segment"}
    assert set(kinds) - set(OFFERED_MODELS) == {"skin_mask", "skin_texture", "threshold"}


def test_no_own_answer_holds_a_format_command_of_envoy() -> None:
    assert "%" not in to_yaml(local_replies())
