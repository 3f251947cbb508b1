"""Watching a running server and bringing it back."""
