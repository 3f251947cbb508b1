"""Write the reference of every public name of the SDK, from the docstrings, as static pages.

python docs/api/build.py build/api
"""

from __future__ import annotations

import sys
from pathlib import Path

import pdoc
import pdoc.render

import wrinkle_client
import wrinkle_client.testing

MODULES = (wrinkle_client, wrinkle_client.testing)


def build(folder: Path) -> None:
    """Write one page per public module to ``folder``, and an index."""
    for module in MODULES:
        for name in module.__all__:
            # Names that load when they are first asked for are not in the module's dictionary, where pdoc looks.
            setattr(module, name, getattr(module, name))
    pdoc.render.configure(docformat="google", show_source=False, footer_text="wrinkle-serving")
    pdoc.pdoc(*(module.__name__ for module in MODULES), output_directory=folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
