"""The files that TorchServe is started with, written into its run folder.

What the settings are for: nothing but loopback is listened on, tokens stay on whatever the environment says, models
come from the model store alone, and sizes, queues and workers are bounded. The management API listens on a socket file
in the run folder, which only this user can open. TorchServe cannot be told not to open its two gRPC ports; they are on
loopback and ask for the tokens too.

Source: TorchServe docs/configuration.md and docs/token_authorization_api.md; ConfigManager of TorchServe 0.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from wrinkle_handlers.server.options import TorchServeOptions
from wrinkle_server.triton.options import LOOPBACK

__all__ = ["RunFiles", "write_configuration"]

_TOKENS_LAST_MIN: Final = 365 * 24 * 60  # they are drawn anew at each start


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Where a run's files lie, all below one folder that is private to this user.

    Attributes:
        folder: The run folder.
    """

    folder: Path

    @property
    def configuration(self) -> Path:
        """TorchServe's own settings."""
        return self.folder / "config.properties"

    @property
    def logging(self) -> Path:
        """What is logged, and where to."""
        return self.folder / "log4j2.xml"

    @property
    def metrics(self) -> Path:
        """Which metrics there are."""
        return self.folder / "metrics.yaml"

    @property
    def keys(self) -> Path:
        """The keys that TorchServe draws when it starts."""
        return self.folder / "key_file.json"

    @property
    def token(self) -> Path:
        """The inference key alone, for ``--token-file``."""
        return self.folder / "inference.token"

    @property
    def management_socket(self) -> Path:
        """Where the management API listens."""
        return self.folder / "management.sock"

    @property
    def scratch(self) -> Path:
        """Unpacked models and the workers' sockets."""
        return self.folder / "tmp"


def write_configuration(run: RunFiles, options: TorchServeOptions, *, grpc_ports: tuple[int, int]) -> None:
    """Write every file that TorchServe reads when it starts."""
    run.scratch.mkdir(mode=0o700)
    own = files("wrinkle_handlers.server")
    run.metrics.write_bytes(own.joinpath("metrics.yaml").read_bytes())
    run.logging.write_bytes(own.joinpath("log4j2.xml").read_bytes())
    run.configuration.write_text(_properties(_settings(run, options, grpc_ports)), encoding="ascii")


def _settings(run: RunFiles, options: TorchServeOptions, grpc_ports: tuple[int, int]) -> dict[str, object]:
    inference_grpc_port, management_grpc_port = grpc_ports
    return {
        "inference_address": f"http://{LOOPBACK}:{options.port}",
        "management_address": f"unix:{run.management_socket}",
        "metrics_address": f"http://{LOOPBACK}:{options.metrics_port}",
        "grpc_inference_address": LOOPBACK,
        "grpc_inference_port": inference_grpc_port,
        "grpc_management_address": LOOPBACK,
        "grpc_management_port": management_grpc_port,
        "disable_token_authorization": "false",
        "token_expiration_min": _TOKENS_LAST_MIN,
        "enable_envvars_config": "false",
        "enable_model_api": "false",
        "install_py_dep_per_model": "false",
        "allowed_urls": f"file://{options.model_store.resolve()}/.*",
        "use_env_allowed_urls": "false",
        "model_store": options.model_store.resolve(),
        "load_models": ",".join(options.archives),
        "default_workers_per_model": 1,
        "max_request_size": options.max_request_bytes,
        "max_response_size": options.max_response_bytes,
        "job_queue_size": options.max_waiting,
        "metrics_config": run.metrics,
        "metrics_mode": "prometheus",
        "model_metrics_auto_detect": "false",
        "disable_system_metrics": "true",
    }


def _properties(settings: dict[str, object]) -> str:
    r"""Return Java's properties format: ASCII, with ``\`` and everything else written as an escape."""
    return "".join(
        f"{name}={str(value).encode('unicode_escape').decode('ascii')}\n" for name, value in settings.items()
    )
