"""``wrinkle torchserve``: the group."""

from __future__ import annotations

import typer

from wrinkle_handlers.commands.archive import archive
from wrinkle_handlers.commands.start import start

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help=(
        "Archive and run the networks for TorchServe (legacy).\n\n"
        "TorchServe is archived upstream and gets no security patches: use it only where you run it already, on "
        "loopback. `wrinkle serve` runs the same networks on Triton, and the client differs by its URL alone; "
        "docs/torchserve.md tells how to move."
    ),
)
app.command("archive")(archive)
app.command("start")(start)
