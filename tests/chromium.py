"""Headless Chromium, one for a module: pages that may talk to nobody, and a record of what they said and asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["DESKTOP_PX", "PHONE_PX", "OpenPage", "Opened", "browser", "open_page"]

DESKTOP_PX, PHONE_PX = (1280, 800), (390, 844)
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Opened:
    """A page, what it said on its console or threw, and every address it asked for beside files."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


OpenPage = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser of the system's own Chromium, with a profile that goes with it."""
    program = shutil.which("chromium")
    assert program is not None, "Mark tests that use it with needs('chromium')."
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Return a function that opens a file at a size and in a colour scheme; its pages close with the test."""
    contexts = []

    def opened(path: Path, size_px: tuple[int, int] = DESKTOP_PX, scheme: Literal["light", "dark"] = "light") -> Opened:
        width, height = size_px
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        result = Opened(context.new_page())
        result.page.on("console", lambda message: result.complaints.append(f"{message.type}: {message.text}"))
        result.page.on("pageerror", lambda error: result.complaints.append(str(error)))
        result.page.on("request", lambda request: result.requests.append(request.url))
        result.page.goto(path.as_uri(), wait_until="load")
        return result

    yield opened
    for context in contexts:
        context.close()
