"""One curve for all channels or one for each: every question gives what the curves give one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest

from isobit.ir import Step, ValueType, parse_graph, print_graph
from isobit.ir.channels import Curves, of_channel, rows
from isobit.ir.curve_record import curve_record, read_curve
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding
from tests.ir.random_graphs import random_graph

X = ValueType.of((2, 3), [-4, 0, 2], [5, 9, 7])
FORMS: list[Curve] = [
    MultiplyShift(3, -1, 2, -2, 5), Rounded(Fraction(2, 3), Fraction(-1, 7), Rounding.ROUND, -3, 4), Cuts(-1, [0, 3, 3])
]  # fmt: skip


@pytest.mark.parametrize("curves", [Curves(FORMS), *(Curves([f]) for f in FORMS)])
def test_every_channel_has_its_curve(curves: Curves) -> None:
    assert curves.shared == (len(curves) == 1)
    assert list(curves.each(3)) == [curves.of(c) for c in range(3)]
    for c in range(3):
        x = np.arange(X.lo[c], X.hi[c] + 1)
        narrow = curves.narrowed(X).of(c)
        assert (narrow(x) == curves.of(c)(x)).all()


@pytest.mark.parametrize("curves", [Curves(FORMS), *(Curves([f]) for f in FORMS)])
def test_a_shared_curve_sees_the_hull_and_others_their_channel(curves: Curves) -> None:
    spans = [(-4, 9)] if curves.shared else [(-4, 5), (0, 9), (2, 7)]
    assert curves.spans(X) == spans
    assert list(zip(*curves.reach(X), strict=True)) == spans
    assert list(curves.reached(X)) == [(f, *span) for f, span in zip(curves, spans, strict=True)]
    values = [v for f, (lo, hi) in zip(curves, spans, strict=True) for v in f(np.arange(lo, hi + 1)).tolist()]
    assert curves.bounds(X) == (min(values), max(values))
    assert curves.map(lambda f: f.shift(1)) == Curves(f.shift(1) for f in curves)


def test_a_step_takes_a_plain_tuple_too() -> None:
    node = Step(name="s", inputs=("x",), curves=tuple(FORMS))  # type: ignore[arg-type]
    assert isinstance(node.curves, Curves)
    assert isinstance(replace(node, name="t").curves, Curves)


def test_parameters_for_all_channels_or_for_each() -> None:
    assert [of_channel([7], c) for c in range(3)] == [7, 7, 7]
    assert [of_channel(np.array([7, 8, 9]), c) for c in range(3)] == [7, 8, 9]
    assert (rows([1], [2]), rows([1], np.arange(3))) == (1, 3)


@pytest.mark.parametrize("curve", FORMS)
def test_a_curve_comes_back_from_json(curve: Curve) -> None:
    record = json.loads(json.dumps(curve_record(curve)))
    assert read_curve(record) == curve
    assert curve_record(read_curve(record)) == record


@pytest.mark.parametrize("seed", range(12))
def test_the_graphs_text_and_the_proofs_write_the_same(seed: int) -> None:
    """Short cuts are inline in the text, so that the two forms are the same text."""
    graph = random_graph(Random(seed))
    text = print_graph(graph)
    short = [f for n in graph.nodes if isinstance(n, Step) for f in n.curves if f.levels <= 64]
    for curve in short:
        assert json.dumps(curve_record(curve), separators=(",", ":")) in text
    for node in parse_graph(text).nodes:
        assert not isinstance(node, Step) or isinstance(node.curves, Curves)
