"""``wrinkle health`` tells by its exit code what a probe wants to know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from supervised_server import Supervise, Supervised, wait_until
from wrinkle_client.cli import app
from wrinkle_core.contract import segmenter
from wrinkle_core.errors import ServerUnreachableError
from wrinkle_server.supervision.deep_check import deep_check
from wrinkle_server.triton.ports import free_ports

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def server(supervise: Supervise) -> Iterator[Supervised]:
    with supervise() as running:
        yield running


def health(*options: str) -> Result:
    return CliRunner().invoke(app, ["health", *options])


def test_heartbeat_of_a_supervisor(server: Supervised) -> None:
    found = health("--health-port", str(server.health_port))
    assert (found.exit_code, found.output.startswith("alive")) == (0, True)


def test_no_supervisor_is_an_error_that_says_what_to_do() -> None:
    (port,) = free_ports(1)
    found = health("--health-port", str(port))
    assert found.exit_code != 0
    assert isinstance(found.exception, ServerUnreachableError)
    assert "wrinkle serve" in str(found.exception)


def test_deep_check_asks_every_step_and_a_canary(server: Supervised) -> None:
    found = health("--deep", "--models", "unetpp", "--http-port", str(server.http_port), "--idle-s", "0")
    assert found.exit_code == 0
    for name in ("skin_mask", "unetpp", "threshold", "wrinkle_unetpp", "answered the canary"):
        assert name in found.output


def test_ensemble_that_answered_a_moment_ago_gets_no_canary(server: Supervised) -> None:
    server.ask()
    found = deep_check(server.supervisor.server.admin, [segmenter("unetpp")], idle_s=60.0, timeout_s=5.0)
    assert "s ago" in found[-1].found


def test_deep_check_finds_a_dead_step_that_triton_calls_ready(server: Supervised) -> None:
    admin = server.supervisor.server.admin

    def ensemble_serves() -> bool:
        return deep_check(admin, [segmenter("unetpp")], idle_s=0.0, timeout_s=5.0)[-1].serves

    def found_before_the_supervisor_repairs_it() -> bool:
        server.steps("threshold")[0].kill()
        return not ensemble_serves() and admin.model_ready("threshold")

    wait_until(found_before_the_supervisor_repairs_it, 30)
    wait_until(lambda: not server.reasons() and ensemble_serves(), 15)
