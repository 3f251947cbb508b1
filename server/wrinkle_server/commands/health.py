"""``wrinkle health``: is the server on this machine alive, and with ``--deep`` does it serve; for people and probes."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from wrinkle_core.contract import SEGMENTERS, segmenter
from wrinkle_core.errors import ServerUnreachableError
from wrinkle_server.running import running_servers
from wrinkle_server.supervision.deep_check import deep_check
from wrinkle_server.triton.admin_api import AdminApi
from wrinkle_server.triton.options import LOOPBACK

__all__ = ["health"]

_ALL: Final = ",".join(spec.name for spec in SEGMENTERS)
_console: Final = Console(soft_wrap=True)


def health(
    deep: Annotated[bool, typer.Option("--deep", help="Ask every step; idle ensembles answer a canary.")] = False,
    models: Annotated[str, typer.Option(help="Segmenters that must serve, separated by commas.")] = _ALL,
    host: Annotated[str, typer.Option(help="Address of the server.")] = LOOPBACK,
    http_port: Annotated[int, typer.Option(min=1, max=65535, help="HTTP port of the server, for --deep.")] = 8000,
    health_port: Annotated[int, typer.Option(min=1, max=65535, help="The supervisor's port, without --deep.")] = 8003,
    idle_s: Annotated[float, typer.Option(min=0, help="No canary when an answer is younger than this.")] = 10.0,
    timeout_s: Annotated[float, typer.Option(min=0.1, max=120, help="Longest wait for one answer.")] = 5.0,
) -> None:
    """Tell whether the server is alive, or with --deep whether it serves; exit code 1 when it is not or does not."""
    if not deep:
        status, said = _heartbeat(host, health_port, timeout_s)
        _console.print(f"{'alive' if status == http.client.OK else 'not alive'}: last heartbeat {said} s ago")
        raise typer.Exit(0 if status == http.client.OK else 1)
    specs = [segmenter(name.strip()) for name in models.split(",")]
    findings = deep_check(_interface(host, http_port), specs, idle_s=idle_s, timeout_s=timeout_s)
    table = Table("model", "serves", "found")
    for finding in findings:
        table.add_row(finding.name, "[green]yes[/green]" if finding.serves else "[red]no[/red]", finding.found)
    _console.print(table)
    raise typer.Exit(0 if all(finding.serves for finding in findings) else 1)


def _interface(host: str, http_port: int) -> AdminApi:
    """Return Triton's own interface: that of a server of this user when one has the port, else what listens there."""
    own = [server for server in running_servers() if (server.host, server.http_port) == (host, http_port)]
    return own[0].admin if own else AdminApi(host, http_port, 0, 0, "")


def _heartbeat(host: str, port: int, timeout_s: float) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(host, port, timeout=timeout_s)) as connection:
        try:
            connection.request("GET", "/livez")
            answer = connection.getresponse()
            return answer.status, str(json.loads(answer.read())["heartbeat_age_s"])
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise ServerUnreachableError(
                f"No supervisor answers on {host}:{port}; start a server with `wrinkle serve`, or name its port."
            ) from error
