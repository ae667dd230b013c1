"""Fits the LUTs of the cost formulas to the points of ``points.py``: the coefficients of the cost model.

    python benchmarks/rtl/fit.py                   # each term with its coefficient, each kind with its error
    python benchmarks/rtl/fit.py --write           # compiler/isobit/hardware/fitted.toml
    python benchmarks/rtl/fit.py --show dense      # every point of one template

Every formula is asked for its terms (:mod:`isobit.hardware.fitted`), so what is fitted is what the planner computes.
Coefficients are not negative, and those with the least sum of errors over the root of the count, between absolute and
relative ones; 7-series and UltraScale+ together.
The error is of points in fifths, each by coefficients that were fitted to the other four; the error bars of
``counted.py`` are of whole networks, of which no coefficient knows anything.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import counted
import nets
import numpy as np
import points
from points import Point
from scipy.optimize import linprog

from isobit.hardware import Cost, fitted

TARGET = nets.ROOT / "compiler" / "isobit" / "hardware" / "fitted.toml"
FOLDS = 5
SMALL = 20
"""LUTs more or less that are no error of a unit."""
Term = tuple[str, str]
Coefficients = dict[Term, float]


@dataclass(frozen=True)
class Row:
    """A point: how much it has of every term, what of it is not fitted, and the LUTs that were counted."""

    point: Point
    terms: dict[Term, float]
    fixed: Cost
    luts: int

    @property
    def fold(self) -> int:
        """By a hash of the point."""
        return hashlib.sha256(self.point.key.encode()).digest()[0] % FOLDS

    def said(self, coefficients: Coefficients) -> float:
        """The estimate of its LUTs."""
        return self.fixed.lut + sum(coefficients.get(term, 0.0) * amount for term, amount in self.terms.items())


class _Recorder:
    """In the place of :func:`isobit.hardware.fitted.luts`: writes down what it is asked."""

    def __init__(self) -> None:
        self.terms: dict[Term, float] = defaultdict(float)

    def __call__(self, kind: str, **terms: float) -> int:
        for name, amount in terms.items():
            self.terms[kind, name] += amount
        return 0


def rows() -> list[Row]:
    """All points that were counted and that a formula is for."""
    usual, found = fitted.luts, []
    known = points.known()
    try:
        for point in points.points():
            counts = known.get(point.key, {}).get("counts")
            fitted.luts = recorder = _Recorder()
            fixed = counted.estimate(point)
            if counts and recorder.terms:
                found.append(Row(point, dict(recorder.terms), fixed, counts["lut"]))
    finally:
        fitted.luts = usual
    return found


def fit(given: Iterable[Row]) -> Coefficients:
    """All kinds at once: a term that several formulas share has one coefficient."""
    mine = list(given)
    names = sorted({term for row in mine for term in row.terms})
    weights = np.array([1 / math.sqrt(row.luts + SMALL) for row in mine])
    matrix = np.array([[row.terms.get(name, 0.0) for name in names] for row in mine])
    wanted = np.array([row.luts - row.fixed.lut for row in mine])
    matrix, wanted, ones = matrix * weights[:, None], wanted * weights, np.eye(len(mine))
    # Beside the coefficients two unknowns a row, what it is short of or has beyond: their sum is the least.
    costs = np.concatenate([np.zeros(len(names)), np.ones(2 * len(mine))])
    found = linprog(costs, A_eq=np.hstack([matrix, ones, -ones]), b_eq=wanted)
    return {name: round(float(value), 2) for name, value in zip(names, found.x, strict=False)}


def unseen(given: list[Row]) -> list[tuple[Row, float]]:
    """Every row with its estimate by what was fitted to the rows of other fifths."""
    made = [fit(row for row in given if row.fold != fold) for fold in range(FOLDS)]
    return [(row, row.said(made[row.fold])) for row in given]


def as_toml(coefficients: Coefficients) -> str:
    """The data file; what no point has (additions, which need a graph) keeps its coefficients."""
    kinds: dict[str, list[str]] = defaultdict(list)
    kept = {(kind, term): value for kind, terms in fitted.coefficients().items() for term, value in terms.items()}
    for (kind, term), value in sorted((kept | coefficients).items()):
        kinds[kind].append(f"{term} = {value:g}")
    lines = ["# LUTs of one of each term of a formula, fitted by benchmarks/rtl/fit.py to Yosys' counts of the RTL."]
    return "\n".join([*lines, *(f"{kind} = {{ {', '.join(terms)} }}" for kind, terms in kinds.items())]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the data file")
    parser.add_argument("--show", metavar="TEMPLATE", help="every point of one")
    options = parser.parse_args()
    given = rows()
    made, held = fit(given), unseen(given)
    if options.show:
        for row, said in sorted(held, key=lambda pair: pair[0].luts / max(pair[1], 1)):
            if row.point.template == options.show:
                kinds = {name: kind[0] for name, kind in row.point.types.items()}
                print(f"{row.luts:5} {said:7.1f} {row.luts / max(said, 1):5.2f} {row.point.dsp}", end=" ")
                print(dict(row.point.constants), kinds, row.point.storage, row.point.memory)
        return
    for template in sorted({row.point.template for row in given}):
        own = [(row.luts, said) for row, said in held if row.point.template == template]
        errors = [abs(luts - said) / max(luts, SMALL) for luts, said in own]
        total = sum(said for _, said in own) / max(sum(luts for luts, _ in own), 1)
        print(f"{template:18} {len(own):3} points, middle error {median(errors):4.0%}, all of them {total:4.2f}")
    print(as_toml(made))
    if options.write:
        TARGET.write_text(as_toml(made), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
