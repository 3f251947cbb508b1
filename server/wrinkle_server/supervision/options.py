"""How a running server is watched, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass

from wrinkle_server.triton.options import LOOPBACK

__all__ = ["SupervisionOptions"]


@dataclass(frozen=True, slots=True)
class SupervisionOptions:
    """How a running server is watched.

    Attributes:
        health_host: Address of the health endpoint; metrics and health are for the inside of a deployment only.
        health_port: Its port.
        step_limit_s: A Python step busy for longer than this with one call is killed and started anew, and so is a
            model whose queue does not move for as long. Raise it for networks that take seconds per photograph.
        canary_idle_s: After this long without a finished request a photograph with a known answer is sent.
        canary_timeout_s: How long that answer may take.
        max_repairs: How often in ten minutes models are loaded anew before the server is started anew instead.
        max_restarts: How often in ten minutes the server is started anew before it is given up.
        max_retained_steps: Dead steps that Triton may keep, each with its shared memory and threads, before a repair
            starts the server anew instead.
        max_memory_bytes: Resident memory of the server and its steps that calls for a repair; 0 is no ceiling.
        drain_delay_s: How long a stopping server goes on serving after it has said that it is not ready, so that
            balancers notice.
    """

    health_host: str = LOOPBACK
    health_port: int = 8003
    step_limit_s: float = 20.0
    canary_idle_s: float = 10.0
    canary_timeout_s: float = 15.0
    max_repairs: int = 5
    max_restarts: int = 5
    max_retained_steps: int = 8
    max_memory_bytes: int = 0
    drain_delay_s: float = 0.0
