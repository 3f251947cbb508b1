"""Sizes the client refuses to exceed, on the way out and on the way in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from wrinkle_core.contract import DEFAULT_MAX_ENCODED_BYTES, DEFAULT_MAX_PIXELS
from wrinkle_core.errors import InvalidParameterError

__all__ = ["DEFAULT_MAX_RESPONSE_BYTES", "Limits"]

# A 1-bit mask and an 8-bit probability of the largest photograph, uncompressed, plus the report.
DEFAULT_MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of one call; the server has bounds of its own.

    Attributes:
        max_encoded_bytes: Size of the image file that is sent.
        max_pixels: Pixels of the upright photograph, checked before a mask is decoded.
        max_response_bytes: Size of one answer.
        max_connections: HTTP connections open at once; more callers wait, within their deadlines.

    Raises:
        InvalidParameterError: A bound is below 1.
    """

    max_encoded_bytes: int = DEFAULT_MAX_ENCODED_BYTES
    max_pixels: int = DEFAULT_MAX_PIXELS
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES
    max_connections: int = 32

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise InvalidParameterError(f"{field.name} is {getattr(self, field.name)}, expected at least 1.")
