"""How one version stands: in the repository, in the server, and beside the one that serves."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Comparison", "VersionState"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A new version beside the serving one, on the canary photograph.

    Attributes:
        version: The new version.
        serving: The version that serves.
        iou: Overlap of the two masks over their union, [0, 1].
        wrinkled_fraction: Share of the skin that the new version marks.
        serving_wrinkled_fraction: Share of the skin that the serving one marks.
    """

    version: int
    serving: int
    iou: float
    wrinkled_fraction: float
    serving_wrinkled_fraction: float


@dataclass(frozen=True, slots=True)
class VersionState:
    """One version as it lies in the repository and stands in the server.

    Attributes:
        version: Its number.
        serving: True for the one that the ensemble runs.
        loaded: True when Triton has it loaded and ready.
        sha256: Digest of its files.
        added: When it was put there, ISO 8601 in UTC.
        serving_since: When it was promoted; empty for another version, or when the repository began with it.
    """

    version: int
    serving: bool
    loaded: bool
    sha256: str
    added: str
    serving_since: str
