"""Every setting of ``wrinkle serve``: name, range, default and meaning, stated once.

The command's options, the environment variables, the keys of the YAML file and the table in docs/operations.md are made
from these fields. ``resolve.py`` turns them into what the parts of the server take.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES, DEFAULT_MAX_PIXELS, SEGMENTERS
from wrinkle_server.triton.options import LOOPBACK, LogLevel

__all__ = ["ALL_MODELS", "ENVIRONMENT_PREFIX", "NESTING", "Cli", "GatewaySettings", "ServeSettings"]

ALL_MODELS: Final = ",".join(spec.name for spec in SEGMENTERS)
ENVIRONMENT_PREFIX: Final = "WRINKLE_SERVE_"
NESTING: Final = "__"

Port = Annotated[int, Field(ge=1, le=65535)]


@dataclass(frozen=True, slots=True)
class Cli:
    """How a field looks on the command line where that does not follow from its name.

    Attributes:
        flags: The flags instead of ``--its-name``.
        metavar: Word for the value.
        shown_default: What the help says for a default that tells nothing by itself.
    """

    flags: tuple[str, ...] = ()
    metavar: str | None = None
    shown_default: str = ""


def _joined(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def _parted(value: Any) -> Any:
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


class GatewaySettings(BaseModel):
    """The gateway in front of the server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: Annotated[bool, Cli(("--gateway/--no-gateway",))] = Field(
        default=False, description="Start the gateway too: TLS, tokens, limits."
    )
    host: str = Field(default=LOOPBACK, description="Address that the gateway listens on.")
    port: Port = Field(default=8443, description="Port of the gateway, HTTP and gRPC alike.")
    certificate: Annotated[Path | None, Cli(shown_default="none")] = Field(
        default=None, description="TLS certificate chain, PEM; needed unless the gateway is on loopback."
    )
    private_key: Annotated[Path | None, Cli(shown_default="none")] = Field(
        default=None, description="Key of the certificate, PEM."
    )
    client_ca: Annotated[Path | None, Cli(shown_default="none")] = Field(
        default=None, description="CA that signs clients' certificates, PEM; asks every client for one."
    )
    token_file: Annotated[Path | None, Cli(shown_default="none")] = Field(
        default=None, description="Hashed bearer tokens, one client a line."
    )
    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000, description="Requests that each client may send.")


class ServeSettings(BaseSettings):
    """The settings of one ``wrinkle serve``."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter=NESTING, extra="forbid", frozen=True
    )

    model_repository: Annotated[Path | None, Cli(shown_default="made from the bundled weights")] = Field(
        default=None, description="Repository assembled before, served as it is."
    )
    models: Annotated[str, BeforeValidator(_joined)] = Field(
        default=ALL_MODELS, description="Segmenters to serve, separated by commas."
    )
    onnx: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted), Cli(metavar="NAME=PATH")] = Field(
        default=(), description="An ONNX file, not the bundled one."
    )
    build: Annotated[Path | None, Cli(("--build", "-b"), shown_default="the bundled weights")] = Field(
        default=None, description="Build folder of `wrinkle export`."
    )
    precision: Literal["auto", "f32", "bf16", "int8"] = Field(
        default="auto", description="auto, f32, bf16 or int8; auto is bf16 where the processor has it."
    )
    instances: int = Field(
        default=0, ge=0, le=64, description="Processes per pre- and postprocessing step; 0 is one per core, up to 4."
    )
    threads: int = Field(default=0, ge=0, le=1024, description="Threads per segmenter; 0 is every core.")
    max_batch_size: int = Field(
        default=0,
        ge=0,
        le=8,
        description="Photographs that a segmenter runs side by side; 0 is 2 where its threads can be halved, else 1.",
    )

    host: str = Field(default=LOOPBACK, description="IPv4 address to listen on.")
    open_inference: Annotated[bool, Cli(("--open-inference/--no-open-inference",))] = Field(
        default=False,
        description="Allow a host beyond loopback: whoever reaches it can end the server, so a gateway only.",
    )
    http_port: Port = Field(default=8000, description="HTTP inference.")
    http: Literal["guarded", "bare"] = Field(
        default="guarded",
        description="guarded: Envoy listens there and keeps out what ends Triton; bare: Triton itself does.",
    )
    grpc_port: Port = Field(default=8001, description="gRPC inference.")
    metrics_port: Port = Field(default=8002, description="Prometheus metrics of Triton.")
    health_port: Port = Field(default=8003, description="Health and metrics of the supervisor.")
    open_monitoring: Annotated[bool, Cli(("--open-monitoring/--no-open-monitoring",))] = Field(
        default=False, description="Metrics and health on every IPv4 address, while inference stays on the host above."
    )
    shared_memory_api: Annotated[bool, Cli(("--shared-memory-api/--no-shared-memory-api",))] = Field(
        default=False,
        description="Let clients on this machine register shared memory over gRPC; where all of them are trusted.",
    )

    log_level: LogLevel = Field(default="warning", description="error, warning, info or verbose.")
    log_file: Annotated[Path | None, Cli(shown_default="in this user's log folder")] = Field(
        default=None, description="Triton's log, begun anew; the one before is kept as FILE.1."
    )
    max_log_mib: int = Field(
        default=64, ge=1, le=65_536, description="Length at which a log is cut; as much again is kept beside it, MiB."
    )

    max_encoded_mib: int = Field(
        default=DEFAULT_MAX_ENCODED_BYTES // 2**20, ge=1, le=1024, description="Largest photograph as a file, MiB."
    )
    max_pixels_mpx: int = Field(
        default=DEFAULT_MAX_PIXELS // 1_000_000, ge=1, le=500, description="Largest photograph in megapixels."
    )
    max_waiting: int = Field(
        default=16, ge=1, le=1000, description="Requests ahead of a segmenter from which on more are refused at once."
    )
    max_queue_size: int = Field(default=64, ge=1, le=10_000, description="Requests that may wait for each step.")

    step_limit_s: float = Field(
        default=20.0,
        ge=1,
        le=3600,
        description="A step busy for longer than this with one call is ended and started anew, s.",
    )
    canary_idle_s: float = Field(
        default=10.0, ge=1, le=3600, description="A known photograph is sent after this long without a request, s."
    )
    canary_timeout_s: float = Field(default=15.0, ge=1, le=600, description="How long its answer may take, s.")
    max_repairs: int = Field(
        default=5, ge=0, le=1000, description="Repairs in ten minutes before the server is started anew instead."
    )
    max_restarts: int = Field(
        default=5, ge=0, le=1000, description="New starts in ten minutes before the server is given up."
    )
    max_memory_mib: int = Field(
        default=0,
        ge=0,
        le=16 * 2**20,
        description="Memory ceiling, MiB; 0 is 80 % of the container's or the machine's.",
    )
    exit_timeout_s: int = Field(
        default=30, ge=1, le=3600, description="How long requests in flight may take when the server stops, s."
    )
    drain_delay_s: float = Field(
        default=0.0,
        ge=0,
        le=600,
        description="How long a stopping server serves on after it said that it is not ready, s.",
    )

    otlp_endpoint: Annotated[str, Cli(shown_default="no traces")] = Field(
        default="", description="OTLP/HTTP address that traces go to."
    )
    trace_sample_rate: float = Field(
        default=0.01, ge=0, le=1, description="Share of the requests without a trace of their own that are traced."
    )

    gateway: GatewaySettings = GatewaySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but what is given: ``sources.py`` reads environment and file, and knows where each came from."""
        return (init_settings,)
