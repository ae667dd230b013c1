"""Fits LUTs and flip-flops of the cost formulas to the points of ``points.py``: the coefficients of the cost model.

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
from collections.abc import Iterable, Mapping
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
"""LUTs or flip-flops more or less that are no error of a unit."""
Term = tuple[str, str]
Coefficients = dict[Term, float]


@dataclass(frozen=True)
class Row:
    """A point: how much it has of every term, what of it is not fitted, and what was counted."""

    point: Point
    terms: dict[Term, float]
    fixed: int
    found: int

    @property
    def fold(self) -> int:
        """By a hash of the point."""
        return hashlib.sha256(self.point.key.encode()).digest()[0] % FOLDS

    def said(self, coefficients: Coefficients) -> float:
        """The estimate."""
        return self.fixed + sum(coefficients.get(term, 0.0) * amount for term, amount in self.terms.items())


class _Recorder:
    """In the place of :func:`isobit.hardware.fitted.fabric`: writes down what it is asked."""

    def __init__(self) -> None:
        self.terms: dict[Term, float] = defaultdict(float)

    def __call__(self, kind: str, **terms: float) -> Cost:
        for name, amount in terms.items():
            self.terms[kind, name] += amount
        return Cost()


def rows(resource: fitted.Resource) -> list[Row]:
    """All points that were counted and that a formula is for."""
    usual, found = fitted.fabric, []
    known = points.known()
    try:
        for point in points.points():
            counts = known.get(point.key, {}).get("counts")
            fitted.fabric = recorder = _Recorder()
            fixed = counted.estimate(point)
            if counts and recorder.terms:
                found.append(Row(point, dict(recorder.terms), getattr(fixed, resource), counts[resource]))
    finally:
        fitted.fabric = usual
    return found


def fit(given: Iterable[Row]) -> Coefficients:
    """All kinds at once: a term that several formulas share has one coefficient."""
    mine = list(given)
    names = sorted({term for row in mine for term in row.terms})
    weights = np.array([1 / math.sqrt(row.found + SMALL) for row in mine])
    matrix = np.array([[row.terms.get(name, 0.0) for name in names] for row in mine])
    wanted = np.array([row.found - row.fixed for row in mine])
    matrix, wanted, ones = matrix * weights[:, None], wanted * weights, np.eye(len(mine))
    # Beside the coefficients two unknowns a row, what it is short of or has beyond: their sum is the least.
    costs = np.concatenate([np.zeros(len(names)), np.ones(2 * len(mine))])
    found = linprog(costs, A_eq=np.hstack([matrix, ones, -ones]), b_eq=wanted)
    return {name: round(float(value), 2) for name, value in zip(names, found.x, strict=False)}


def unseen(given: list[Row]) -> list[tuple[Row, float]]:
    """Every row with its estimate by what was fitted to the rows of other fifths."""
    made = [fit(row for row in given if row.fold != fold) for fold in range(FOLDS)]
    return [(row, row.said(made[row.fold])) for row in given]


def as_toml(made: Mapping[fitted.Resource, Coefficients]) -> str:
    """The data file."""
    lines = ["# LUTs and flip-flops of one of each term, fitted by benchmarks/rtl/fit.py to Yosys' counts of the RTL."]
    for resource, coefficients in made.items():
        kinds: dict[str, list[str]] = defaultdict(list)
        for (kind, term), value in sorted(coefficients.items()):
            kinds[kind].append(f"{term} = {value:g}")
        lines += ["", f"[{resource}]", *(f"{kind} = {{ {', '.join(terms)} }}" for kind, terms in kinds.items())]
    return "\n".join(lines) + "\n"


def show(held: list[tuple[Row, float]], template: str) -> None:
    """Every point of one template, the furthest ones first and last."""
    for row, said in sorted(held, key=lambda pair: pair[0].found / max(pair[1], 1)):
        if row.point.template == template:
            kinds = {name: kind[0] for name, kind in row.point.types.items()}
            print(f"{row.found:5} {said:7.1f} {row.found / max(said, 1):5.2f} {row.point.dsp}", end=" ")
            print(dict(row.point.constants), kinds, row.point.storage, row.point.memory)


def summary(held: list[tuple[Row, float]], resource: str) -> None:
    """The middle error of every template."""
    for template in sorted({row.point.template for row, _ in held}):
        own = [(row.found, said) for row, said in held if row.point.template == template]
        errors = [abs(found - said) / max(found, SMALL) for found, said in own]
        total = sum(said for _, said in own) / max(sum(found for found, _ in own), 1)
        print(f"{resource} {template:18} {len(own):3} points, middle error {median(errors):4.0%}, all {total:4.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the data file")
    parser.add_argument("--show", metavar="TEMPLATE", help="every point of one")
    options = parser.parse_args()
    given: dict[fitted.Resource, list[Row]] = {"lut": rows("lut"), "ff": rows("ff")}
    for resource, own in given.items():
        held = unseen(own)
        if options.show:
            show(held, options.show)
        else:
            summary(held, resource)
    if options.write:
        made = {resource: fit(own) for resource, own in given.items()}
        TARGET.write_text(as_toml(made), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
