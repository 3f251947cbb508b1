"""The browser's fixtures."""

from __future__ import annotations

from chromium import browser, open_page

__all__ = ["browser", "open_page"]
