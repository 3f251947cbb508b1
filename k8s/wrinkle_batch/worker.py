"""What a Ray worker does: a shard's command line in its own process, again after a while when the server was at fault.

The command keeps a manifest and locks it; when the worker dies the lock goes with it, and whoever takes the shard next
goes on after the last photograph that ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from wrinkle_batch.shard import Shard, ShardOutcome
from wrinkle_client.batch_run.printable import printable
from wrinkle_client.cli import app
from wrinkle_client.exit_codes import ExitCode, exit_code_of
from wrinkle_core.errors import WrinkleError

__all__ = ["run_shard"]

_AGAIN: Final = (ExitCode.ENVIRONMENT, ExitCode.SERVER)
_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 60.0


def run_shard(shard: Shard, tries: int, sleep: Callable[[float], None] = time.sleep) -> ShardOutcome:
    """Run a shard and return how it ended; a photograph that cannot be segmented is no reason to try again.

    Args:
        shard: What to do.
        tries: How often at most, with waits of 5, 10, … up to 60 seconds between.
        sleep: How to wait.
    """
    began_s = time.monotonic()
    for number in range(1, tries + 1):
        exit_code, message = _run(shard.words)
        if exit_code not in _AGAIN or number == tries:
            break
        sleep(min(_FIRST_WAIT_S * 2 ** (number - 1), _LONGEST_WAIT_S))
    return ShardOutcome(shard.name, exit_code, number, round(time.monotonic() - began_s, 1), message)


def _run(words: tuple[str, ...]) -> tuple[int, str]:
    """Return a command's exit code and why it failed, as ``wrinkle_client.cli.main`` would report them."""
    try:
        return int(app(list(words), prog_name="wrinkle", standalone_mode=False) or ExitCode.OK), ""
    except WrinkleError as error:
        return exit_code_of(error), printable(f"{error.code}: {' '.join(str(error).split())}")
