"""Client SDK of the wrinkle segmentation service.

    from wrinkle_client import Client

    with Client() as client:
        result = client.segment("face.jpg")
        result.save("out", "face")

Importing this loads neither tritonclient nor Pillow, and never torch, OpenVINO or OpenCV. Every error derives from
``WrinkleError`` and carries ``code``; ``wrinkle_core.errors`` draws the whole tree.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from wrinkle_client.client import Client
from wrinkle_client.endpoint import DEFAULT_URL, Endpoint
from wrinkle_client.inputs.remote_photo import RemotePhoto, UrlPolicy
from wrinkle_client.limits import Limits
from wrinkle_client.photo import Photo
from wrinkle_client.result import OverlayStyle, SavedFiles, SegmentationResult, Timings
from wrinkle_client.retry import NO_RETRIES, RetryPolicy
from wrinkle_client.segment_many import SegmentOutcome
from wrinkle_client.server_state import Health, ModelInfo, ServerInfo
from wrinkle_client.transports.messages import InferenceRequest, RawAnswer
from wrinkle_client.transports.transport import Transport
from wrinkle_core.errors import (
    AnimatedImageError,
    ArtifactError,
    ContractError,
    DeadlineExceededError,
    EmptyImageError,
    ImageTooLargeError,
    InvalidImageError,
    InvalidInputError,
    InvalidParameterError,
    MissingExtraError,
    ModelNotFoundError,
    ModelNotReadyError,
    NoFaceError,
    OverloadedError,
    ServerFaultError,
    ServerStartError,
    ServerUnreachableError,
    ServingError,
    TruncatedImageError,
    UnauthorizedError,
    UnsupportedFormatError,
    WrinkleError,
)
from wrinkle_core.geometry import Geometry
from wrinkle_core.report import QualityWarning, RegionFigures, Report
from wrinkle_core.step_timings import StepTimings

if TYPE_CHECKING:
    from wrinkle_client.async_client import AsyncClient

__all__ = [
    "DEFAULT_URL",
    "NO_RETRIES",
    "AnimatedImageError",
    "ArtifactError",
    "AsyncClient",
    "Client",
    "ContractError",
    "DeadlineExceededError",
    "EmptyImageError",
    "Endpoint",
    "Geometry",
    "Health",
    "ImageTooLargeError",
    "InferenceRequest",
    "InvalidImageError",
    "InvalidInputError",
    "InvalidParameterError",
    "Limits",
    "MissingExtraError",
    "ModelInfo",
    "ModelNotFoundError",
    "ModelNotReadyError",
    "NoFaceError",
    "OverlayStyle",
    "OverloadedError",
    "Photo",
    "QualityWarning",
    "RawAnswer",
    "RegionFigures",
    "RemotePhoto",
    "Report",
    "RetryPolicy",
    "SavedFiles",
    "SegmentOutcome",
    "SegmentationResult",
    "ServerFaultError",
    "ServerInfo",
    "ServerStartError",
    "ServerUnreachableError",
    "ServingError",
    "StepTimings",
    "Timings",
    "Transport",
    "TruncatedImageError",
    "UnauthorizedError",
    "UnsupportedFormatError",
    "UrlPolicy",
    "WrinkleError",
]

# Without it Python prints warnings of libraries to the standard error of a program that has set up no logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Load ``AsyncClient`` when it is first asked for: it brings asyncio along."""
    if name != "AsyncClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from wrinkle_client.async_client import AsyncClient

    return AsyncClient
