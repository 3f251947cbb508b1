"""What the owner of a server asks Triton itself: readiness, configurations, metrics, loading.

Source: KServe v2 and Triton's model repository extension, ``extension_model_repository.md``.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wrinkle_core.errors import ServerFaultError, ServerUnreachableError
from wrinkle_server.triton.options import ADMIN_HEADER
from wrinkle_server.triton.unix_http import UnixHTTPConnection

__all__ = ["AdminApi"]

_LOAD_TIMEOUT_S: Final = 60.0
_ASK_TIMEOUT_S: Final = 5.0
_MAX_REASON_CHARS: Final = 300


@dataclass(frozen=True, slots=True)
class AdminApi:
    """One server's own interface; every call opens a connection, so it may be shared between threads.

    Attributes:
        host: Address that Triton listens on.
        http_port: Its HTTP; nobody of Triton's listens there when there is a socket.
        grpc_port: Its gRPC.
        metrics_port: Its metrics.
        admin_key: Secret of the restricted APIs.
        http_socket: Unix socket of its HTTP instead of the port.
    """

    host: str
    http_port: int
    grpc_port: int
    metrics_port: int
    admin_key: str = field(repr=False)
    http_socket: Path | None = None

    def http_connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Return a new connection to Triton's HTTP, to be closed by the caller."""
        if self.http_socket is not None:
            return UnixHTTPConnection(self.http_socket, timeout_s)
        return http.client.HTTPConnection(self.host, self.http_port, timeout=timeout_s)

    def ready(self) -> bool:
        """Return whether Triton says that every model it was asked to load is ready."""
        try:
            return self._ask("GET", "/v2/health/ready")[0] == http.client.OK
        except ServerUnreachableError:
            return False

    def model_ready(self, model_name: str) -> bool:
        """Return whether Triton says that a model is ready.

        Raises:
            ServerUnreachableError: Nothing answers.
        """
        return self._ask("GET", f"/v2/models/{model_name}/ready")[0] == http.client.OK

    def idle_s(self, model_name: str) -> float:
        """Return for how long a model has finished nothing; infinity when it never did.

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The server does not know the model.
        """
        statistics = self._ask_json("GET", f"/v2/models/{model_name}/stats")["model_stats"]
        last_ms = max(int(version["last_inference"]) for version in statistics)
        return max(0.0, time.time() - last_ms / 1000) if last_ms else float("inf")

    def metrics(self) -> str:
        """Return Triton's metrics page.

        Raises:
            ServerUnreachableError: Nothing answers.
        """
        connection = http.client.HTTPConnection(self.host, self.metrics_port, timeout=_ASK_TIMEOUT_S)
        return self._ask("GET", "/metrics", connection=connection)[1].decode()

    def loaded(self) -> dict[str, int]:
        """Return the number of ready versions per model.

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The server refuses.
        """
        versions: dict[str, int] = {}
        for entry in self._ask_json("POST", "/v2/repository/index", body='{"ready": true}'):
            versions[entry["name"]] = versions.get(entry["name"], 0) + 1
        return versions

    def ready_versions(self, model_name: str) -> tuple[int, ...]:
        """Return the versions of a model that are loaded.

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The server refuses.
        """
        index = self._ask_json("POST", "/v2/repository/index", body='{"ready": true}')
        return tuple(sorted(int(entry["version"]) for entry in index if entry["name"] == model_name))

    def config(self, model_name: str) -> dict[str, Any]:
        """Return a loaded model's configuration.

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The server does not know the model.
        """
        config: dict[str, Any] = self._ask_json("GET", f"/v2/models/{model_name}/config")
        return config

    def load(
        self, model_name: str, *, config: Mapping[str, Any] | None = None, timeout_s: float = _LOAD_TIMEOUT_S
    ) -> None:
        """Load a model as its files in the repository say; does nothing when neither they nor its name changed.

        Triton answers without an error when a version that the configuration selects has no folder: look at
        ``ready_versions`` afterwards.

        Args:
            model_name: A model of the repository.
            config: Configuration to load it with instead of the repository's, in the form of ``config``.
            timeout_s: How long loading may take.

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The server refused.
        """
        body = None if config is None else json.dumps({"parameters": {"config": json.dumps(config)}})
        target = f"/v2/repository/models/{model_name}/load"
        status, answer = self._ask("POST", target, body=body, timeout_s=timeout_s)
        if status != http.client.OK:
            reason = answer.decode("utf-8", "replace")[:_MAX_REASON_CHARS]
            raise ServerFaultError(f"{model_name} was not loaded: HTTP {status} {reason}")

    def reload(self, model_name: str, mark: str) -> None:
        """Load a model anew though its files did not change; what still lives answers until the new one is ready.

        Triton loads an unchanged model only once. A configuration that differs in one parameter makes it start over.

        Args:
            model_name: A loaded model.
            mark: Text that no reload of this model had before.

        Raises:
            ServerUnreachableError: Nothing answers.
            ServerFaultError: The server refused.
        """
        config = self.config(model_name)
        config.setdefault("parameters", {})["reloaded"] = {"string_value": mark}
        self.load(model_name, config=config)

    def _ask_json(self, method: str, target: str, body: str | None = None) -> Any:
        status, answer = self._ask(method, target, body=body)
        if status != http.client.OK:
            raise ServerFaultError(f"{target} was answered with HTTP {status}.")
        try:
            return json.loads(answer)
        except ValueError as error:
            raise ServerFaultError(f"{target} was answered with no JSON; does another program listen there?") from error

    def _ask(
        self,
        method: str,
        target: str,
        *,
        body: str | None = None,
        connection: http.client.HTTPConnection | None = None,
        timeout_s: float = _ASK_TIMEOUT_S,
    ) -> tuple[int, bytes]:
        with closing(connection or self.http_connection(timeout_s)) as asked:
            try:
                asked.request(method, target, body=body, headers={ADMIN_HEADER: self.admin_key})
                response = asked.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                raise ServerUnreachableError(f"{target} was not answered: {type(error).__name__}.") from error
