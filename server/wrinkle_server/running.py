"""The servers that this user runs on this machine: one file each, readable by its owner only.

``wrinkle serve`` writes the file once its server answers; a server that takes the place of one that failed keeps its
ports and its key. ``wrinkle models`` and ``wrinkle doctor`` read it. It holds the administration key, so it lies in the
user's runtime folder, or in the cache folder where there is none, and never in a folder that others can write to. A
file whose process is gone, or whose id belongs to another process now, counts for nothing.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

import platformdirs
import psutil
from pydantic import TypeAdapter, ValidationError

from wrinkle_core.errors import ServerStartError, ServerUnreachableError
from wrinkle_server.triton.admin_api import AdminApi
from wrinkle_server.triton.model_server import ModelServer

__all__ = ["RunningServer", "announce", "announced", "running_server", "running_servers", "withdraw"]

_APPLICATION: Final = "wrinkle-serving"
_PATTERN: Final = "serve-*.json"
_MAX_FILE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class RunningServer:
    """One ``wrinkle serve`` of this user.

    Attributes:
        process_id: Process of ``wrinkle serve`` itself.
        process_started: When that process began, as the system tells it; tells a reused id.
        host: Address it listens on.
        http_port: HTTP inference.
        grpc_port: gRPC inference.
        metrics_port: Triton's metrics.
        health_port: Health and metrics of the supervisor.
        repository: Model repository.
        temporary: True when the repository goes when the server stops.
        started_at: When the server was ready, ISO 8601 in UTC.
        admin_key: Secret of Triton's restricted APIs.
        http_socket: Where Triton's own HTTP is when Envoy listens on ``http_port``.
    """

    process_id: int
    process_started: float
    host: str
    http_port: int
    grpc_port: int
    metrics_port: int
    health_port: int
    repository: Path
    temporary: bool
    started_at: str
    admin_key: str = field(repr=False)
    http_socket: Path | None = None

    @classmethod
    def of(cls, server: ModelServer, *, health_port: int, temporary: bool) -> RunningServer:
        """Describe a server that this process runs."""
        options = server.options
        return cls(
            os.getpid(),
            psutil.Process().create_time(),
            options.host,
            options.http_port,
            options.grpc_port,
            options.metrics_port,
            health_port,
            options.repository.resolve(),
            temporary,
            datetime.now(timezone.utc).isoformat(timespec="seconds"),
            server.admin.admin_key,
            options.http_socket,
        )

    @property
    def admin(self) -> AdminApi:
        """Triton's own interface of this server."""
        return AdminApi(self.host, self.http_port, self.grpc_port, self.metrics_port, self.admin_key, self.http_socket)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        try:
            return abs(psutil.Process(self.process_id).create_time() - self.process_started) < 1.0
        except psutil.NoSuchProcess:
            return False


_FORM: Final = TypeAdapter(RunningServer)


def announce(server: RunningServer) -> None:
    """Write the file of a server, in place of an earlier one on its port.

    Raises:
        ServerStartError: The folder cannot be written.
    """
    text = _FORM.dump_json(server, indent=1).decode()
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".serve-", delete=False, encoding="utf-8") as file:
            file.write(text)  # such a file has mode 0600 from its first moment
        Path(file.name).replace(_file(server.http_port))
    except OSError as error:
        raise ServerStartError(f"The file that tells of this server cannot be written: {error.strerror}.") from error


def withdraw(server: RunningServer) -> None:
    """Remove the file of a server; does nothing when another server has taken its place."""
    file = _file(server.http_port)
    written = _read(file)
    if written is not None and written.process_id == server.process_id:
        file.unlink(missing_ok=True)


@contextmanager
def announced(server: RunningServer) -> Iterator[None]:
    """Announce a server for as long as the block runs.

    Raises:
        ServerStartError: The folder cannot be written.
    """
    announce(server)
    try:
        yield
    finally:
        withdraw(server)


def running_servers() -> tuple[RunningServer, ...]:
    """Return the servers of this user that run, by HTTP port."""
    found = (_read(file) for file in _folder().glob(_PATTERN))
    return tuple(sorted((one for one in found if one is not None and one.alive), key=lambda one: one.http_port))


def running_server(http_port: int | None = None) -> RunningServer:
    """Return the server on ``http_port``, or the only one.

    Raises:
        ServerUnreachableError: None runs there, or several run and no port was named.
    """
    servers = running_servers()
    chosen = servers if http_port is None else tuple(one for one in servers if one.http_port == http_port)
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        ports = ", ".join(str(one.http_port) for one in chosen)
        raise ServerUnreachableError(f"Several servers run, on the HTTP ports {ports}; name one with --http-port.")
    where = "" if http_port is None else f" on HTTP port {http_port}"
    raise ServerUnreachableError(f"No `wrinkle serve` of this user runs{where} on this machine; start one first.")


def _folder() -> Path:
    """Return where the files lie.

    Source: XDG Base Directory Specification: the runtime folder is owned by the user and has mode 0700.
    """
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if runtime.is_dir() and runtime.stat().st_uid == os.getuid() and not runtime.stat().st_mode & 0o077:
        return runtime / _APPLICATION
    return platformdirs.user_cache_path(_APPLICATION) / "run"


def _file(http_port: int) -> Path:
    return _folder() / f"serve-{http_port}.json"


def _read(file: Path) -> RunningServer | None:
    """Return what a file says, None when it is no file of ours: gone, damaged, or of another user."""
    try:
        if file.stat().st_uid != os.getuid() or file.stat().st_size > _MAX_FILE_BYTES:
            return None
        return _FORM.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
