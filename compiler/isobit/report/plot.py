"""Throughput against what it takes, as an SVG or PNG picture; the same bytes for the same points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isobit.errors import IsobitError, printable

FORMATS = (".svg", ".png")


def refuse_picture(path: Path) -> None:
    """Refuse a name that is no picture's, and a missing matplotlib, before any work.

    Raises:
        IsobitError: E613, E303.
    """
    if path.suffix not in FORMATS:
        raise IsobitError("E613", f"plot = {printable(repr(str(path)))}", hint="a name that ends in .svg or .png")
    _pyplot()


def draw(path: Path, points: Sequence[tuple[float, float]], labels: tuple[str, str], title: str) -> None:
    """Points (across, up) joined by steps, into ``path``; both axes logarithmic where all values are positive."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    across, up = ([p[i] for p in points] for i in (0, 1))
    axes.step(across, up, where="post", marker="o", markersize=4)
    axes.set(xlabel=labels[0], ylabel=labels[1], title=title)
    if min([*across, *up], default=0) > 0:
        axes.set(xscale="log", yscale="log")
    axes.grid(visible=True, which="both", alpha=0.3)
    figure.tight_layout()
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    figure.savefig(path, metadata=metadata)
    pyplot.close(figure)


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise IsobitError("E303", "matplotlib is not installed", hint='pip install -e ".[plots]"') from error
    matplotlib.use("agg")
    matplotlib.rcParams.update({"svg.hashsalt": "isobit", "svg.fonttype": "none", "font.size": 10})
    from matplotlib import pyplot

    return pyplot
