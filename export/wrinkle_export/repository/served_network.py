"""The files of one segmenter as they lie in a repository's version folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ServedNetwork"]


@dataclass(frozen=True, slots=True)
class ServedNetwork:
    """One segmenter to be served.

    Attributes:
        files: Files of the version folder by the name they get there.
        main_file: The one a runtime opens.
        plan_by_compute_capability: For TensorRT: ``8.9`` to a file name, for several kinds of GPU.
    """

    files: Mapping[str, Path]
    main_file: str
    plan_by_compute_capability: Mapping[str, str] = field(default_factory=dict)

    @property
    def main_path(self) -> Path:
        """Return where the file that a runtime opens lies now."""
        return self.files[self.main_file]

    @classmethod
    def from_onnx(cls, path: Path) -> ServedNetwork:
        """Return an ONNX file that stands by itself, outside any build folder."""
        return cls({"model.onnx": path}, "model.onnx")
