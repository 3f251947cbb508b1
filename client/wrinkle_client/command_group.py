"""The group behind ``wrinkle``: sub-commands are entry points, and only the one that runs is imported.

``wrinkle --help`` shows summaries from a table here, so listing needs neither OpenVINO nor torch. Another distribution
may add commands to the entry-point group ``wrinkle.commands``: a function with Typer annotations, or a ``typer.Typer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from wrinkle_core.errors import MissingExtraError

__all__ = ["ENTRY_POINT_GROUP", "CommandGroup"]

ENTRY_POINT_GROUP: Final = "wrinkle.commands"


@dataclass(frozen=True, slots=True)
class _Note:
    """Summary of a command, and the extra that brings what it imports."""

    summary: str
    extra: str | None = None


_NOTES: Final = {
    "segment": _Note("Find the wrinkles in photographs, with a running server."),
    "compare": _Note("Compare two photographs of one person, before and after.", "prepare"),
    "view": _Note("Show the results of a run as a page in the browser."),
    "serve": _Note("Start the server on this machine.", "serve"),
    "doctor": _Note("Check what this machine can serve with.", "serve"),
    "health": _Note("Tell whether the server on this machine is alive, or serves.", "serve"),
    "models": _Note("Load, promote and take back versions of a running server's networks.", "serve"),
    "gateway": _Note("Run the gateway in front of servers, draw tokens for it.", "gateway"),
    "assets": _Note("Fetch and verify the face-landmark networks.", "serve"),
    "train": _Note("Train a network from a recipe.", "train"),
    "evaluate": _Note("Score a network on labelled faces.", "train"),
    "recipes": _Note("List the papers' systems and the demo networks.", "train"),
    "reproduce": _Note("Run a table of the papers again.", "train"),
    "rendered-set": _Note("Render a data set of faces with drawn wrinkles.", "train"),
    "weak-labels": _Note("Make texture-map labels for a folder of faces.", "train"),
    "export": _Note("Turn checkpoints into servable models.", "export"),
    "torchserve": _Note("Archive and run the networks for TorchServe (legacy).", "torchserve"),
    "bench": _Note("Measure the service on this machine.", "bench"),
    "simulate-autoscaling": _Note("Simulate the service on Kubernetes, plan a fleet.", "scaling"),
    "on-ray": _Note("Run segment or weak-labels in shards on a Ray cluster.", "ray"),
}


class CommandGroup(TyperGroup):
    """A Typer group whose commands are loaded when they run."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self._entry_points = _found()
        for name, entry_point in self._entry_points.items():
            self.commands[name] = TyperCommand(name, help=_summary(name, entry_point))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return name, loaded command and remaining arguments; Click calls it for the command that runs."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in self._entry_points:
            command = self._load(name)
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run; a library found missing while the command runs is reported like one missing at its start."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            _raise_for_extra(ctx.invoked_subcommand or "", error)
            raise

    def _load(self, name: str) -> TyperCommand | TyperGroup:
        try:
            loaded = self._entry_points[name].load()
        except ModuleNotFoundError as error:
            _raise_for_extra(name, error)
            raise
        if isinstance(loaded, typer.Typer):
            app = loaded
        else:
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name)(loaded)
        command: TyperCommand | TyperGroup = typer.main.get_command(app)  # type: ignore[assignment]
        return command


def _found() -> dict[str, EntryPoint]:
    """Return the installed commands by name: those of the table in its order, then others by name."""
    found: dict[str, EntryPoint] = {}
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(entry_point.name, entry_point)
    known = [name for name in _NOTES if name in found]
    return {name: found[name] for name in (*known, *sorted(found.keys() - set(known)))}


def _summary(name: str, entry_point: EntryPoint) -> str:
    if name in _NOTES:
        return _NOTES[name].summary
    return f"From {entry_point.dist.name}." if entry_point.dist is not None else "Installed separately."


def _raise_for_extra(name: str, error: ModuleNotFoundError) -> None:
    """Raise the error that names the extra to install; return when no extra would help."""
    note = _NOTES.get(name)
    library = (error.name or "").partition(".")[0]
    if note is not None and note.extra is not None and library and not library.startswith("wrinkle_"):
        raise MissingExtraError(
            f"`wrinkle {name}` needs {library}, which is not installed. "
            f"Install it with: pip install 'wrinkle-serving[{note.extra}]'"
        ) from error
