"""Every error this package raises, and how one travels through Triton.

WrinkleError
├── InvalidInputError            what the caller sent is at fault; never retry
│   ├── InvalidImageError        INVALID_IMAGE: the bytes are damaged or no image
│   │   ├── EmptyImageError      EMPTY_IMAGE
│   │   ├── TruncatedImageError  TRUNCATED_IMAGE
│   │   ├── AnimatedImageError   ANIMATED_IMAGE
│   │   └── UnsupportedFormatError  UNSUPPORTED_FORMAT
│   ├── ImageTooLargeError       IMAGE_TOO_LARGE: encoded bytes or pixels over the limit
│   ├── NoFaceError              NO_FACE
│   └── InvalidParameterError    INVALID_PARAMETER: an option is unknown or out of range
├── ContractError                CONTRACT_MISMATCH: an array or config breaks the contract
├── ArtifactError                ARTIFACT_INVALID: checkpoint, ONNX file, plan or asset missing or wrong
├── MissingExtraError            MISSING_EXTRA: an optional part is not installed
└── ServingError
    ├── ServerUnreachableError   SERVER_UNREACHABLE, retryable
    ├── ModelNotReadyError       MODEL_NOT_READY, retryable
    ├── OverloadedError          OVERLOADED, retryable
    ├── ModelNotFoundError       MODEL_NOT_FOUND
    ├── UnauthorizedError        UNAUTHORIZED: the gateway does not accept who asks
    ├── DeadlineExceededError    DEADLINE_EXCEEDED
    ├── ServerStartError         SERVER_START_FAILED
    └── ServerFaultError         SERVER_FAULT: anything unexpected inside the server

A Triton step answers with ``to_wire(error)``; the client turns the text back with ``from_wire``.
Messages say what was wrong and what to do. They never hold paths of the server, tracebacks or image bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final

__all__ = [
    "AnimatedImageError",
    "ArtifactError",
    "ContractError",
    "DeadlineExceededError",
    "EmptyImageError",
    "ImageTooLargeError",
    "InvalidImageError",
    "InvalidInputError",
    "InvalidParameterError",
    "MissingExtraError",
    "ModelNotFoundError",
    "ModelNotReadyError",
    "NoFaceError",
    "OverloadedError",
    "ServerFaultError",
    "ServerStartError",
    "ServerUnreachableError",
    "ServingError",
    "TruncatedImageError",
    "UnauthorizedError",
    "UnsupportedFormatError",
    "WrinkleError",
    "error_codes",
    "from_wire",
    "to_wire",
]

MAX_MESSAGE_CHARS: Final = 500
_WIRE: Final = re.compile(r"\[wrinkle:([A-Z_]{1,40})\] ([^\x00-\x1f]*)")


class WrinkleError(Exception):
    """Base of every error of this package.

    Attributes:
        code: Machine-readable name, the same in process, over Triton and in TorchServe.
        retryable: True when the same request may succeed later.
    """

    code: ClassVar[str] = "WRINKLE_ERROR"
    retryable: ClassVar[bool] = False


class InvalidInputError(WrinkleError, ValueError):
    """The request itself is at fault."""

    code = "INVALID_INPUT"


class InvalidImageError(InvalidInputError):
    """The bytes are damaged or are no image."""

    code = "INVALID_IMAGE"


class EmptyImageError(InvalidImageError):
    """There are no bytes, or the image has no pixels."""

    code = "EMPTY_IMAGE"


class TruncatedImageError(InvalidImageError):
    """The file ends before its image does."""

    code = "TRUNCATED_IMAGE"


class AnimatedImageError(InvalidImageError):
    """The file holds several frames to be played."""

    code = "ANIMATED_IMAGE"


class UnsupportedFormatError(InvalidImageError):
    """The file is of a format this package does not read."""

    code = "UNSUPPORTED_FORMAT"


class ImageTooLargeError(InvalidInputError):
    """Encoded size or pixel count is over the limit."""

    code = "IMAGE_TOO_LARGE"


class NoFaceError(InvalidInputError):
    """No face was found in the photograph."""

    code = "NO_FACE"


class InvalidParameterError(InvalidInputError):
    """An option is unknown or its value is out of range."""

    code = "INVALID_PARAMETER"


class ContractError(WrinkleError, ValueError):
    """An array, file or configuration breaks the tensor contract."""

    code = "CONTRACT_MISMATCH"


class ArtifactError(WrinkleError, RuntimeError):
    """A checkpoint, ONNX file, plan or downloaded asset is missing, damaged or of the wrong kind."""

    code = "ARTIFACT_INVALID"


class MissingExtraError(WrinkleError, ImportError):
    """An optional part of the package is not installed."""

    code = "MISSING_EXTRA"


class ServingError(WrinkleError, RuntimeError):
    """The server could not answer.

    Attributes:
        retry_after_s: Seconds the server asked to wait before another try; None when it did not say.
    """

    code = "SERVING_ERROR"
    retry_after_s: float | None = None


class ServerUnreachableError(ServingError, ConnectionError):
    """Nothing answers at the address."""

    code = "SERVER_UNREACHABLE"
    retryable = True


class ModelNotReadyError(ServingError):
    """The server is live, the model is not loaded yet."""

    code = "MODEL_NOT_READY"
    retryable = True


class OverloadedError(ServingError):
    """A queue of the server is full."""

    code = "OVERLOADED"
    retryable = True


class ModelNotFoundError(ServingError):
    """The server does not know the model or version."""

    code = "MODEL_NOT_FOUND"


class UnauthorizedError(ServingError):
    """The gateway knows no such token or certificate, or does not allow it this."""

    code = "UNAUTHORIZED"


class DeadlineExceededError(ServingError, TimeoutError):
    """No answer within the time allowed."""

    code = "DEADLINE_EXCEEDED"


class ServerStartError(ServingError):
    """The local server did not start."""

    code = "SERVER_START_FAILED"


class ServerFaultError(ServingError):
    """Something unexpected went wrong inside the server."""

    code = "SERVER_FAULT"


def _tree(root: type[WrinkleError]) -> Iterator[type[WrinkleError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == __name__:
            yield from _tree(child)


def error_codes() -> dict[str, type[WrinkleError]]:
    """Return every machine-readable code with its error class."""
    return {error.code: error for error in _tree(WrinkleError)}


def to_wire(error: WrinkleError) -> str:
    """Return ``error`` as one bounded line that survives Triton's own prefixes.

    Source: Triton passes a step's ``TritonError`` message on, prefixed with the ensemble's name.
    """
    message = " ".join(str(error).split())[:MAX_MESSAGE_CHARS]
    return f"[wrinkle:{error.code}] {message}"


def from_wire(text: str) -> WrinkleError | None:
    """Return the error that ``to_wire`` wrote somewhere in ``text``, or None when there is none."""
    found = _WIRE.search(text)
    if found is None:
        return None
    code, message = found.groups()
    return error_codes().get(code, ServerFaultError)(message.strip()[:MAX_MESSAGE_CHARS])
