"""Triton step ``threshold``: probability and geometry in, mask, probability map and report out."""

from wrinkle_server.steps.threshold_step import ThresholdStep as TritonPythonModel

__all__ = ["TritonPythonModel"]
