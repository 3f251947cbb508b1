"""Triton step ``skin_texture``: an encoded photograph in, the input of ``unet_texture`` and the geometry out."""

from wrinkle_server.steps.preprocess_step import PreprocessStep as TritonPythonModel

__all__ = ["TritonPythonModel"]
