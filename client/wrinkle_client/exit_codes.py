"""Exit codes of the ``wrinkle`` command.

0 all done; 1 a photograph could not be segmented; 2 wrong usage; 3 something is missing here: no server, an extra
that is not installed, an artifact, a token that the gateway accepts, a place to write; 4 the server answered with a
failure; 130 interrupted with Ctrl-C.
"""

from __future__ import annotations

from enum import IntEnum

from wrinkle_core.errors import (
    ArtifactError,
    InvalidInputError,
    InvalidParameterError,
    MissingExtraError,
    ModelNotFoundError,
    ModelNotReadyError,
    ServerStartError,
    ServerUnreachableError,
    UnauthorizedError,
    WrinkleError,
)

__all__ = ["ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """What the process returns; see the module's header."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    ENVIRONMENT = 3
    SERVER = 4
    INTERRUPTED = 130


def exit_code_of(error: WrinkleError) -> ExitCode:
    """Return the exit code of a command that ``error`` ended."""
    if isinstance(error, InvalidParameterError):
        return ExitCode.USAGE
    if isinstance(error, InvalidInputError):
        return ExitCode.SOME_FAILED
    missing = (ArtifactError, MissingExtraError, ModelNotFoundError, ModelNotReadyError)
    if isinstance(error, (*missing, ServerStartError, ServerUnreachableError, UnauthorizedError)):
        return ExitCode.ENVIRONMENT
    return ExitCode.SERVER
