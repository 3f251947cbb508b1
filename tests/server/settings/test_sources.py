"""Flags go before environment, environment before the file, the file before defaults; what is wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wrinkle_core.errors import InvalidParameterError
from wrinkle_server.settings.sources import CONFIG_VARIABLE, load_settings
from wrinkle_server.settings.yaml_text import yaml_text


def yaml_file(folder: Path, text: str) -> Path:
    file = folder / "serve.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_each_source_hides_the_ones_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = yaml_file(tmp_path, "http_port: 1\ngrpc_port: 1\nmetrics_port: 1\n")
    monkeypatch.setenv("WRINKLE_SERVE_HTTP_PORT", "2")
    monkeypatch.setenv("WRINKLE_SERVE_GRPC_PORT", "2")
    settings = load_settings({"http_port": 3}, file)
    assert (settings.http_port, settings.grpc_port, settings.metrics_port, settings.health_port) == (3, 2, 1, 8003)


def test_groups_are_merged_field_by_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = yaml_file(tmp_path, "gateway: {port: 1, host: 127.0.0.9, enabled: true}\n")
    monkeypatch.setenv("WRINKLE_SERVE_GATEWAY__PORT", "2")
    gateway = load_settings({"gateway": {"requests_per_minute": 7}}, file).gateway
    assert (gateway.port, gateway.host, gateway.enabled, gateway.requests_per_minute) == (2, "127.0.0.9", True, 7)


def test_environment_may_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(yaml_file(tmp_path, "threads: 3\n")))
    assert load_settings({}).threads == 3


def test_lists_are_written_as_each_place_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = yaml_file(tmp_path, "models: [unetpp]\nonnx: [unetpp=a.onnx]\n")
    assert load_settings({}, file).models == "unetpp"
    assert load_settings({}, file).onnx == ("unetpp=a.onnx",)
    monkeypatch.setenv("WRINKLE_SERVE_ONNX", "unetpp=b.onnx,unet_texture=c.onnx")
    assert load_settings({}, file).onnx == ("unetpp=b.onnx", "unet_texture=c.onnx")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"http_port": 0}, r"--http-port: .*greater than or equal to 1, got 0"),
        ({"precision": "f64"}, r"--precision is one of auto, f32, bf16, int8, got 'f64'"),
        ({"gateway": {"port": 70000}}, r"--gateway-port: "),
        ({"build": 3}, r"--build: "),
    ],
)
def test_wrong_flag_is_named(flags: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidParameterError, match=reason):
        load_settings(flags)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("WRINKLE_SERVE_HTTP_PORT", "eighty", r"WRINKLE_SERVE_HTTP_PORT: .*integer, got 'eighty'"),
        ("WRINKLE_SERVE_HTP_PORT", "80", r"called WRINKLE_SERVE_HTP_PORT. Did you mean WRINKLE_SERVE_HTTP_PORT\?"),
        ("WRINKLE_SERVE_GATEWAY__PROT", "80", r"GATEWAY__PROT. Did you mean WRINKLE_SERVE_GATEWAY__PORT\?"),
        ("WRINKLE_SERVE_GATEWAY", "{", r"WRINKLE_SERVE_GATEWAY"),
    ],
)
def test_wrong_environment_variable_is_named(
    name: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidParameterError, match=reason):
        load_settings({})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("threds: 3\n", r"called threds in .*serve.yaml. Did you mean threads in .*serve.yaml\?"),
        ("gateway: {port: x}\n", r"gateway.port in .*serve.yaml: .*integer"),
        ("gateway: 3\n", r"gateway in .*serve.yaml: "),
        ("threads: -1\n", r"threads in .*serve.yaml: .*greater than or equal to 0, got -1"),
        ("- threads\n", r"must be a mapping"),
        ("threads: [\n", r"serve.yaml, line 2 is no YAML"),
        ("threads: !!python/object/apply:os.getpid []\n", r"is no YAML"),
    ],
)
def test_wrong_file_is_named(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=reason):
        load_settings({}, yaml_file(tmp_path, text))


def test_missing_file_is_an_error_and_not_a_file_of_defaults(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="cannot be read: No such file"):
        load_settings({}, tmp_path / "nowhere.yaml")


def test_printed_settings_read_back_as_themselves(tmp_path: Path) -> None:
    settings = load_settings({"threads": 3, "onnx": ["unetpp=a.onnx"], "gateway": {"port": 9}, "log_file": "a.log"})
    assert load_settings({}, yaml_file(tmp_path, yaml_text(settings))) == settings
