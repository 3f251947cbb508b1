"""Triton step ``skin_mask``: an encoded photograph in, the input of ``unetpp`` and the geometry out."""

from wrinkle_server.steps.preprocess_step import PreprocessStep as TritonPythonModel

__all__ = ["TritonPythonModel"]
