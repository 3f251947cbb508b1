"""Measurements of the serving path."""
