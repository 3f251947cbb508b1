"""Client SDK of the wrinkle segmentation service.

    from wrinkle_client import Client

    with Client() as client:
        result = client.segment("face.jpg")
        result.save("out", "face")

Importing this loads neither tritonclient nor Pillow, and never torch, OpenVINO or OpenCV. Every error derives from
``WrinkleError`` and carries ``code``; ``wrinkle_core.errors`` draws the whole tree.
"""

from wrinkle_client.client import Client
from wrinkle_client.endpoint import DEFAULT_URL, Endpoint
from wrinkle_client.limits import Limits
from wrinkle_client.photo import Photo
from wrinkle_client.result import OverlayStyle, SavedFiles, SegmentationResult, Timings
from wrinkle_client.retry import NO_RETRIES, RetryPolicy
from wrinkle_client.server_state import Health, ModelInfo
from wrinkle_client.transport import RawAnswer, Transport
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
from wrinkle_core.report import QualityWarning, RegionFigures, Report

__all__ = [
    "DEFAULT_URL",
    "NO_RETRIES",
    "AnimatedImageError",
    "ArtifactError",
    "Client",
    "ContractError",
    "DeadlineExceededError",
    "EmptyImageError",
    "Endpoint",
    "Health",
    "ImageTooLargeError",
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
    "Report",
    "RetryPolicy",
    "SavedFiles",
    "SegmentationResult",
    "ServerFaultError",
    "ServerStartError",
    "ServerUnreachableError",
    "ServingError",
    "Timings",
    "Transport",
    "TruncatedImageError",
    "UnauthorizedError",
    "UnsupportedFormatError",
    "WrinkleError",
]
