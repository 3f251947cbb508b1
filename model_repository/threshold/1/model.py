"""Triton step ``threshold``: probability and geometry in, mask, probability map and report out."""

from wrinkle_server.threshold_step import ThresholdStep as TritonPythonModel

__all__ = ["TritonPythonModel"]
