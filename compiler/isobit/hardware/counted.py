"""How far the estimate lies from synthesis: what the formulas say beside what Yosys counted of the same RTL.

The pairs (``counted.toml``, made by ``benchmarks/rtl/counted.py``) are of drawn units of every template and of whole
networks. Counted is what Yosys' ``synth_xilinx`` maps, part by part, before anything is placed: what Vivado places is
another thing, and so is what csynth foresees (docs/cost.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import median
from typing import Any

RESOURCES = ("LUT", "FF", "DSP", "BRAM36")
CUT = 20
"""One of so many is beyond a bar at either end: nine of ten lie between them."""


@dataclass(frozen=True)
class Row:
    """A unit, by its template and the kind of DSP of its board, or a network (``dsp`` is ""): estimated and counted."""

    name: str
    dsp: str
    figures: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Bar:
    """Shares of the estimate that a count may differ by: ``low`` and ``high`` around ``middle``, of ``rows`` rows.

    What is estimated and counted at nothing lies at 0. ``beyond`` rows are estimated at nothing where something was
    counted: no share of the estimate reaches them.
    """

    low: float
    middle: float
    high: float
    rows: int
    beyond: int

    def __str__(self) -> str:
        ends = [f"{percent:+}" if percent else "0" for percent in (round(100 * self.low), round(100 * self.high))]
        return "..".join(dict.fromkeys(ends)) + " %"


@cache
def data() -> dict[str, Any]:
    """The data file."""
    return tomllib.loads(files("isobit.hardware").joinpath("counted.toml").read_text(encoding="utf-8"))


def units() -> tuple[Row, ...]:
    """Every unit by itself."""
    return tuple(_row(name, dsp, pairs) for name, dsp, *pairs in data()["units"])


def networks() -> tuple[Row, ...]:
    """Every network, FIFOs and what lies between its layers included, but those of :func:`packed`."""
    return tuple(_row(name, "", pairs) for name, *pairs in data()["networks"])


def packed() -> tuple[Row, ...]:
    """Networks in which two products share a DSP: what is counted there are other units, with a bar of their own."""
    return tuple(_row(name, "", pairs) for name, *pairs in data()["packed"])


def _row(name: str, dsp: str, pairs: Iterable[tuple[float, float]]) -> Row:
    return Row(name, dsp, {r: (e, float(c)) for r, (e, c) in zip(RESOURCES, pairs, strict=True)})


def bar(rows: Iterable[Row], resource: str) -> Bar | None:
    """How far ``resource`` was counted from its estimate; None without a row.

    Of fewer than :data:`CUT` rows none is cut off: the ends of ten networks are the furthest of them.
    """
    found = [row.figures[resource] for row in rows]
    errors = sorted(c / e - 1 if e else 0.0 for e, c in found if e or not c)
    if not errors:
        return None
    cut = len(errors) // CUT
    ends = errors[cut], errors[len(errors) - 1 - cut]
    low, middle, high = (round(error, 3) for error in (ends[0], median(errors), ends[1]))
    return Bar(low, middle, high, len(errors), len(found) - len(errors))


@cache
def bars(packs: bool = False) -> dict[str, Bar]:
    """By resource the error bar of a whole design's estimate; it ``packs`` where two products share a DSP."""
    found = {resource: bar(packed() if packs else networks(), resource) for resource in RESOURCES}
    return {resource: made for resource, made in found.items() if made}


def sentence(errors: Mapping[str, Bar]) -> str:
    """The bars of what an estimate line shows, in a line for the terminal."""
    said = ", ".join(f"{name} {errors[name]}" for name in RESOURCES if name in errors)
    return f"error bar (Yosys, {max(made.rows + made.beyond for made in errors.values())} networks): {said}"
