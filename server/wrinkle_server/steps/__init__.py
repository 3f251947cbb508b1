"""The Python steps that run inside Triton."""
