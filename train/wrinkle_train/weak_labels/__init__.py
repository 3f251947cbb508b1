"""Weak labels: masked texture maps for a folder of faces."""
