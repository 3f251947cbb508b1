"""One run as a picture: what came, how many replicas there were, how long answers took, what was refused."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from wrinkle_core.errors import InvalidParameterError
from wrinkle_scaling.outcome.record import Record
from wrinkle_scaling.replica.request import Outcome

__all__ = ["plot"]

_BINS: Final = 150
_BLUE, _ORANGE, _GREY, _RED = "#0072b2", "#e69f00", "#777777", "#d55e00"  # Okabe and Ito: told apart by everybody
_FORMATS: Final = (".svg", ".png")


def plot(record: Record, path: Path) -> None:
    """Draw a run.

    Args:
        record: The run.
        path: File to write, ``.svg`` or ``.png``.

    Raises:
        InvalidParameterError: The file's name ends in something else.
    """
    if path.suffix not in _FORMATS:
        raise InvalidParameterError(f"{path.name}: a plot is written as {' or '.join(_FORMATS)}.")
    figure = Figure(figsize=(9.0, 7.5), layout="constrained")
    load, replicas, latency, refusals = figure.subplots(4, 1, sharex=True, height_ratios=(2, 2, 3, 1.4))
    edges_s = np.linspace(0.0, record.scenario.duration_s, _BINS + 1)
    width_s = edges_s[1]
    index = np.clip((record.arrived_s / width_s).astype(int), 0, _BINS - 1)
    minutes = edges_s[:-1] / 60.0
    figure.suptitle(record.scenario.title, x=0.01, ha="left", fontsize=12)
    _load(load, minutes, index, width_s)
    _replicas(replicas, record)
    _latency(latency, record, minutes, index)
    _refusals(refusals, record, minutes, index)
    refusals.set_xlabel("minutes")
    for axes in (load, replicas, latency, refusals):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_ylim(bottom=0.0)
        axes.set_xlim(0.0, record.scenario.duration_s / 60.0)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left" if axes is replicas else "center right", frameon=False, fontsize=8, ncols=4)
    replicas.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.align_ylabels()
    # Neither date nor random ids: the same run gives the same file.
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    with rc_context({"svg.hashsalt": "wrinkle", "svg.fonttype": "none"}):
        figure.savefig(path, dpi=120, metadata=metadata)


def _load(axes: Axes, minutes: NDArray[np.float64], index: NDArray[np.int_], width_s: float) -> None:
    axes.step(minutes, np.bincount(index, minlength=_BINS) / width_s, where="post", color=_BLUE, linewidth=1.2)
    axes.set_ylabel("photographs\nper second")


def _replicas(axes: Axes, record: Record) -> None:
    at = [point.at_s / 60.0 for point in record.curve] + [record.closed_s / 60.0]
    total = [point.replicas for point in record.curve] + [record.curve[-1].replicas]
    ready = [point.ready for point in record.curve] + [record.curve[-1].ready]
    axes.step(at, total, where="post", color=_ORANGE, linewidth=1.2, label="wanted")
    axes.step(at, ready, where="post", color=_BLUE, linewidth=1.2, label="ready")
    axes.set_ylabel("replicas")


def _latency(axes: Axes, record: Record, minutes: NDArray[np.float64], index: NDArray[np.int_]) -> None:
    answered = record.ended_as(Outcome.ANSWERED)
    latencies_s, bins = record.latencies_s(), index[answered]
    order = np.argsort(bins, kind="stable")
    parts = np.split(latencies_s[order], np.searchsorted(bins[order], np.arange(1, _BINS)))
    for share, color in ((0.5, _BLUE), (0.95, _ORANGE), (0.99, _GREY)):
        values = [float(np.quantile(part, share)) if part.size else float("nan") for part in parts]
        axes.step(minutes, values, where="post", color=color, linewidth=1.2, label=f"p{share * 100:.0f}")
    axes.axhline(record.scenario.promised_s, color=_RED, linewidth=0.9, linestyle="--", label="promised")
    axes.set_ylabel("time to an\nanswer, s")


def _refusals(axes: Axes, record: Record, minutes: NDArray[np.float64], index: NDArray[np.int_]) -> None:
    refused = ~record.ended_as(Outcome.ANSWERED)
    came = np.maximum(np.bincount(index, minlength=_BINS), 1)
    axes.step(minutes, 100.0 * np.bincount(index[refused], minlength=_BINS) / came, where="post", color=_RED)
    axes.set_ylabel("refused, %")
