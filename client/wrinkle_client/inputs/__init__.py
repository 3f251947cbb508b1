"""Photographs that are no encoded file yet: pixels in memory, and files behind a URL."""
