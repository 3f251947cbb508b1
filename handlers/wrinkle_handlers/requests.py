"""One request as TorchServe hands it to a handler: the image file, what the caller chose, and its id.

The form is that of wrinkle_core.torchserve_form: the file is the body, choices are headers with the values of Triton's
request parameters. A multipart form with the file as ``data`` and the choices as fields is read as well.

Source: TorchServe docs/custom_service.md, "Handling requests"; ts/service.py, ``retrieve_data_for_inference``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wrinkle_core.errors import EmptyImageError, InvalidParameterError
from wrinkle_core.postprocess import ThresholdOptions
from wrinkle_core.torchserve_form import REQUEST_ID_HEADER, header_of

__all__ = ["HandlerRequest", "clean_request_id"]

_CHOICES: Final = ("threshold", "probability", "skin_mask", "geometry")
_FILE_FIELDS: Final = ("body", "data")
_UNCLEAN: Final = re.compile(r"[^A-Za-z0-9._:-]")
_MAX_ID_CHARS: Final = 128
_MAX_CHOICE_CHARS: Final = 64


@dataclass(frozen=True, slots=True)
class HandlerRequest:
    """One request, its options checked.

    Attributes:
        encoded: The image file; never in ``repr``.
        options: What the threshold step is to do.
        geometry: Whether the caller wants GEOMETRY back.
    """

    encoded: bytes
    options: ThresholdOptions
    geometry: bool

    def __repr__(self) -> str:
        return f"HandlerRequest({len(self.encoded)} bytes, {self.options})"

    @classmethod
    def read(cls, fields: Mapping[str, object], headers: Mapping[str, str]) -> HandlerRequest:
        """Read a request.

        Args:
            fields: TorchServe's parts by name; the whole body is called ``body``.
            headers: HTTP headers, names in any case.

        Raises:
            InvalidParameterError: A choice is unknown or out of range.
            EmptyImageError: There is no image file.
        """
        choices: dict[str, object] = {
            name: _text(value, name) for name, value in fields.items() if name not in _FILE_FIELDS
        }
        for name in _CHOICES:
            value = headers.get(header_of(name))
            if value is not None:
                choices[name] = _text(value, name)
        geometry = _flag(choices.pop("geometry", "false"))
        options = ThresholdOptions.from_parameters(choices)
        encoded = next((fields[name] for name in _FILE_FIELDS if fields.get(name)), None)
        if not isinstance(encoded, (bytes, bytearray)):
            raise EmptyImageError("The request holds no image file; send the file itself as the body.")
        return cls(bytes(encoded), options, geometry)


def clean_request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's request id, bounded and without what could break a log line; empty when there is none."""
    return _UNCLEAN.sub("_", headers.get(REQUEST_ID_HEADER, "")[:_MAX_ID_CHARS])


def _text(value: object, name: str) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, (bytes, bytearray)) else str(value)
    if len(text) > _MAX_CHOICE_CHARS:
        raise InvalidParameterError(f"Parameter {name[:40]!r} has {len(text)} characters, which no value needs.")
    return text


def _flag(value: object) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise InvalidParameterError(f"Parameter geometry must be true or false, got {str(value)[:40]!r}.")
    return str(value).lower() == "true"
