"""Turns a template into one file that needs nothing from anywhere else.

Style and script are written into the page, and its content security policy allows exactly these two and pictures that
lie beside it: no address is ever asked for anything. Templates escape every value, for file names come from anywhere.

Source: W3C Content Security Policy Level 3, section 2.3.1 (hash sources).
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from wrinkle_client.batch_run.printable import printable

__all__ = ["link", "render_page"]

_TEMPLATES: Final = Path(__file__).with_name("templates")
_POLICY: Final = (
    "default-src 'none'; img-src 'self' file:; style-src '{style}'; script-src '{script}'; base-uri 'none'; "
    "form-action 'none'"
)


def render_page(template: str, script: str | None = None, **values: Any) -> bytes:
    """Return a page as UTF-8 HTML.

    Args:
        template: Its template's file name.
        script: The file name of its script.
        values: What the template shows; escaped there.
    """
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    code = "" if script is None else (_TEMPLATES / script).read_text(encoding="utf-8")
    policy = _POLICY.format(style=_hash_source(style), script=_hash_source(code))
    page = _environment().get_template(template).render(style=style, script=code, policy=policy, **values)
    return page.encode()


def link(path: str) -> str:
    """Return a path relative to the page as an address."""
    return quote(path, safe="/", errors="surrogateescape")  # a file's name need not be valid Unicode


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    return environment


def _hash_source(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
