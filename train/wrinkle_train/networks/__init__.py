"""Segmentation networks and the wrappers that make them deployable."""
