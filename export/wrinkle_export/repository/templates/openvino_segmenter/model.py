"""Triton step ``unetpp`` or ``unet_texture`` in CPU form: network input in, probability out."""

from wrinkle_server.steps.segment_step import SegmentStep as TritonPythonModel

__all__ = ["TritonPythonModel"]
