"""Settings and command lines in the chart are those that the programs read."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from chart_checks.matrix import MATRIX, deployments, of_kind
from wrinkle_core.contract import SEGMENTERS
from wrinkle_export.repository.command import repository
from wrinkle_export.tensorrt.command import tensorrt
from wrinkle_server.commands.gateway import app as gateway_app
from wrinkle_server.settings.resolve import deployment, supervision_options
from wrinkle_server.settings.serve_settings import ServeSettings
from wrinkle_server.settings.sources import load_settings

pytestmark = pytest.mark.needs("npm")

every_entry = pytest.mark.parametrize("name", MATRIX)
FIXED_BY_ASSEMBLING = ("models", "precision", "instances", "threads", "max_waiting", "max_queue_size", "max_pixels_mpx")


def settings(name: str, tmp_path: Path) -> list[ServeSettings]:
    (config,) = [one for one in of_kind(name, "ConfigMap") if one["metadata"]["name"].endswith("-settings")]
    loaded = []
    for file, text in config["data"].items():
        if file.endswith(".yaml"):
            (tmp_path / file).write_text(text, encoding="utf-8")
            loaded.append(load_settings({}, tmp_path / file))
    return loaded


@every_entry
def test_server_takes_its_settings(name: str, tmp_path: Path) -> None:
    loaded = settings(name, tmp_path)
    assert len(loaded) == len(deployments(name))
    for one in loaded:
        assert deployment(one).max_waiting <= deployment(one).max_queue_size
        assert one.host == "127.0.0.1"  # inference is for the gateway beside it only
        assert supervision_options(one).health_host == "0.0.0.0"
        assert not one.gateway.enabled
        if name.startswith("gpu"):
            defaults = ServeSettings()
            assert one.model_repository == Path("/repository/served")
            assert all(getattr(one, field) == getattr(defaults, field) for field in FIXED_BY_ASSEMBLING)


def test_values_reach_the_settings(tmp_path: Path) -> None:
    (one,) = settings("minikube", tmp_path)
    assert (one.models, one.instances, one.threads, one.max_pixels_mpx) == ("unetpp", 1, 1, 24)
    stable, canary = settings("everything", tmp_path)
    assert stable.build == canary.build == Path("/artefact")
    assert stable.otlp_endpoint == "http://collector.tracing.svc:4318"
    assert settings("defaults", tmp_path)[0].models == ",".join(spec.name for spec in SEGMENTERS)


@every_entry
def test_gateway_takes_its_command_line(name: str, tmp_path: Path) -> None:
    for one in deployments(name):
        container = one["spec"]["template"]["spec"]["containers"][1]
        program, group, command, *flags = container["args"]
        assert (program, group, command) == ("wrinkle", "gateway", "run")
        known = [flag for flag in flags if not flag.startswith("--drain-timeout-s=")]
        done = CliRunner().invoke(gateway_app, ["config", *known, "--sockets", str(tmp_path)])
        assert done.exit_code == 0, done.output
        assert yaml.safe_load(done.stdout)["static_resources"]["listeners"]
    assert "--drain-timeout-s" in CliRunner().invoke(gateway_app, ["run", "--help"]).output


@every_entry
def test_server_command_exists(name: str) -> None:
    for one in deployments(name):
        server = one["spec"]["template"]["spec"]["containers"][0]
        assert server["args"][-1].endswith("exec wrinkle serve")
        assert {"WRINKLE_SERVE_CONFIG"} == {e["name"] for e in server["env"] if e["name"].startswith("WRINKLE_")}


@pytest.mark.parametrize("name", ["gpu-tensorrt", "gpu-mig"])
def test_plan_options_are_those_of_the_exporter(name: str) -> None:
    (one,) = deployments(name)
    environment = {e["name"]: e["value"] for e in one["spec"]["template"]["spec"]["initContainers"][-1]["env"]}
    for variable, function in (("PLAN_OPTIONS", tensorrt), ("REPOSITORY_OPTIONS", repository)):
        app = typer.Typer()
        app.command()(function)
        (flags,) = [{flag for parameter in typer.main.get_command(app).params for flag in parameter.opts}]
        used = {word for word in environment[variable].split() if word.startswith("--")}
        assert used
        assert used <= flags
