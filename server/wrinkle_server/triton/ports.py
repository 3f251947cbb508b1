"""Ports: seen to be free before the server starts, so that the error can name the remedy."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from wrinkle_core.errors import ServerStartError

__all__ = ["free_ports", "port_is_free", "require_free_ports"]


def port_is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on ``host:port`` now; a port in TIME_WAIT counts as free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def require_free_ports(host: str, ports: Mapping[str, int]) -> None:
    """Check every port, given by the option that sets it.

    Raises:
        ServerStartError: One is taken, or two are the same.
    """
    if len(set(ports.values())) < len(ports):
        raise ServerStartError(f"{', '.join(ports)} must be different ports, got {list(ports.values())}.")
    for option, port in ports.items():
        if not port_is_free(host, port):
            raise ServerStartError(
                f"Port {port} on {host} is taken; stop what listens there (perhaps another `wrinkle serve`) "
                f"or choose another with {option}."
            )


def free_ports(count: int, host: str = "127.0.0.1") -> tuple[int, ...]:
    """Return different ports that are free at this moment."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((host, 0))
        return tuple(int(probe.getsockname()[1]) for probe in probes)
    finally:
        for probe in probes:
            probe.close()
