"""The supervisor's HTTP endpoint: ``/livez``, ``/readyz`` and ``/metrics``, for the inside of a deployment only.

It runs on a thread of its own, so a supervisor that is busy with a repair still answers.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from wrinkle_core.errors import ServerStartError
from wrinkle_server.supervision.health import Health

__all__ = ["HealthEndpoint"]

_START_LIMIT_S: Final = 10.0
_MAX_BODY_BYTES: Final = 1024


class HealthEndpoint:
    """Serves ``health`` between enter and exit."""

    def __init__(self, health: Health, host: str, port: int) -> None:
        self._health = health
        self._host = host
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="health-endpoint", daemon=True)

    def __enter__(self) -> HealthEndpoint:
        """Listen.

        Raises:
            ServerStartError: The port is taken.
        """
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_START_LIMIT_S)
        except OSError as error:
            self._end()
            raise ServerStartError(
                f"Port {self._port} on {self._host} is taken; choose another with --health-port."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    async def _listen(self) -> None:
        application = web.Application(client_max_size=_MAX_BODY_BYTES)
        application.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    def _end(self) -> None:
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(_START_LIMIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_LIMIT_S)
        self._loop.close()

    async def _livez(self, request: web.Request) -> web.Response:
        live = self._health.live()
        age_s = round(self._health.heartbeat_age_s(), 1)
        return web.json_response({"live": live, "heartbeat_age_s": age_s}, status=200 if live else 503)

    async def _readyz(self, request: web.Request) -> web.Response:
        reasons = self._health.reasons()
        return web.json_response({"ready": not reasons, "reasons": list(reasons)}, status=503 if reasons else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._health.instruments.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})
