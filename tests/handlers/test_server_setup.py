"""What TorchServe is started with, and what is said when it cannot be."""

from __future__ import annotations

import stat
import tempfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from wrinkle_core.errors import InvalidParameterError, MissingExtraError, ServerStartError
from wrinkle_handlers.server import installation
from wrinkle_handlers.server.configuration import RunFiles, write_configuration
from wrinkle_handlers.server.installation import find_torchserve, worker_environment
from wrinkle_handlers.server.options import TorchServeOptions
from wrinkle_handlers.server.torchserve import TorchServe


def written_settings(run_folder: Path, model_store: Path) -> dict[str, str]:
    run = RunFiles(run_folder)
    options = TorchServeOptions(model_store, 8080, 8082, run_folder / "log", max_waiting=7)
    write_configuration(run, options, grpc_ports=(7070, 7071))
    lines = run.configuration.read_text(encoding="ascii").splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_settings_keep_everything_on_loopback_bounded_and_under_tokens(small_store: Path, tmp_path: Path) -> None:
    settings = written_settings(tmp_path, small_store)
    addresses = [settings[name] for name in ("inference_address", "metrics_address")]
    assert addresses == ["http://127.0.0.1:8080", "http://127.0.0.1:8082"]
    assert (settings["grpc_inference_address"], settings["grpc_management_address"]) == ("127.0.0.1", "127.0.0.1")
    assert settings["management_address"] == f"unix:{tmp_path}/management.sock"
    off = ("disable_token_authorization", "enable_envvars_config", "enable_model_api", "install_py_dep_per_model")
    assert {settings[name] for name in off} == {"false"}
    assert settings["allowed_urls"] == f"file://{small_store}/.*"
    assert settings["load_models"] == "wrinkle_unetpp.mar"
    assert settings["job_queue_size"] == "7"
    assert int(settings["max_request_size"]) < 21 * 2**20
    assert int(settings["max_response_size"]) <= 80 * 2**20


def test_path_in_another_script_reaches_java(small_store: Path, tmp_path: Path) -> None:
    store = tmp_path / "modèles"
    store.mkdir()
    (store / "wrinkle_unetpp.mar").write_bytes((small_store / "wrinkle_unetpp.mar").read_bytes())
    (tmp_path / "run").mkdir()
    assert written_settings(tmp_path / "run", store)["model_store"] == f"{tmp_path}/mod\\xe8les"


def test_store_without_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"holds no \.mar file"):
        TorchServeOptions(tmp_path, 8080, 8082, tmp_path / "log")


def test_scratch_folder_too_deep_for_sockets_is_refused_at_once(
    small_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(ServerStartError, match="TMPDIR"):
        TorchServe(TorchServeOptions(small_store, 8080, 8082, tmp_path / "log", start_timeout_s=1.0)).start()
    assert list(deep.iterdir()) == []


def test_missing_torchserve_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "version", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'wrinkle-serving\[torchserve\]'"):
        find_torchserve()
    monkeypatch.setattr(installation, "version", lambda _name: "0.11.0")
    with pytest.raises(MissingExtraError, match=r"TorchServe 0\.12 is needed, 0\.11\.0 is here"):
        find_torchserve()


def test_missing_java_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerStartError, match=r"needs Java 17, and there is none here.*openjdk-17"):
        find_torchserve()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ServerStartError, match="cannot be run"):
        find_torchserve()


@pytest.mark.parametrize(
    ("told", "reason"),
    [('openjdk version "11.0.25" 2024-10-15', "Java 11 is here"), ("tea", "another program is here")],
)
def test_other_java_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str, reason: str) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{told}' >&2\n", encoding="utf-8")
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ServerStartError, match=reason):
        find_torchserve()


def test_environment_cannot_change_the_servers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TS_DISABLE_TOKEN_AUTHORIZATION", "true")
    monkeypatch.setenv("TS_CONFIG_FILE", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("WRINKLE_ASSETS_DIR", "/assets")
    environment = worker_environment()
    assert not {name for name in environment if name.startswith("TS_") or name == "PYTHONPATH"}
    assert environment["WRINKLE_ASSETS_DIR"] == "/assets"
