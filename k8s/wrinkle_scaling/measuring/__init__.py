"""Turning a running server into a replica's profile."""
