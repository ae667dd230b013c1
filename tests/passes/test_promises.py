"""What the compiler promises is checked by code that no option of Python removes; `make test` runs this with -O too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import isobit
from isobit import demo
from isobit.errors import IsobitError
from isobit.ir import Graph, frozen_ints
from isobit.ir.ops import Add, Step
from isobit.numerics import Cuts, MultiplyShift, Rounded, Rounding
from isobit.passes import FOLDING, optimise, shrink
from isobit.passes.proofs import prove, prove_sums
from isobit.passes.sums import NarrowSum
from tests.passes.graphs import add, assert_same_reals, given, graph, out, rounded, step

FAULTY_SEARCH = """
import sys
from dataclasses import replace
import isobit
from isobit import demo
from isobit.passes import proofs, shrink

search = shrink.layer_multiply_shift
def faulty(*given):
    found = search(*given)
    return tuple(replace(f, c=f.c + (1 << f.k)) for f in found) if isinstance(found, tuple) else found
shrink.layer_multiply_shift = faulty
if sys.argv[2] == "and its check":
    shrink.wrong_at = lambda *given: None
try:
    isobit.compile(demo.MODEL, sys.argv[1])
except isobit.IsobitError as error:
    print(bool(__debug__), error.code, error.where, error.message, sep="|")
"""


@pytest.mark.parametrize("faulty", ["search", "and its check"])
def test_a_faulty_search_writes_no_project_without_asserts(tmp_path: Path, faulty: str) -> None:
    command = [sys.executable, "-O", "-c", FAULTY_SEARCH, str(tmp_path / "build"), faulty]
    paths = os.environ | {"PYTHONPATH": str(Path(isobit.__file__).parents[1])}
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=paths)
    asserts, code, where, message = run.stdout.strip().split("|")
    assert (asserts, code) == ("False", "E901")
    assert where.startswith("n_3_Quant, channel ")
    assert message.startswith("of ")
    assert not (tmp_path / "build").exists()


def test_asserts_of_tests_are_never_removed() -> None:
    """Without the rewriting of conftest.py all tests of this kind would pass under -O whatever they found."""
    before = graph(given(1), step("s", "x", rounded(1)), out("s"))
    after = graph(given(1), step("s", "x", rounded(1, 1)), out("s"))
    with pytest.raises(AssertionError):
        assert_same_reals(before, after)
    with pytest.raises(AssertionError):
        assert demo.MODEL is None


EXACT = Rounded(Fraction(3, 7), Fraction(1, 5), Rounding.ROUND, -8, 7)


def requantized() -> Graph:
    return graph(given(2, lo=-30, hi=30), step("s", "x", EXACT, EXACT), out("s"))


def changed(g: Graph, name: str, **fields: Any) -> Graph:
    return Graph(tuple(replace(n, **fields) if n.name == name else n for n in g.nodes))


def test_a_search_that_errs_is_refused_with_layer_channel_and_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = MultiplyShift(1, 0, 1, -8, 7)
    right = optimise(requantized()).by_name["s"]
    assert isinstance(right, Step) and isinstance(right.curves[0], MultiplyShift)
    monkeypatch.setattr(shrink, "layer_multiply_shift", lambda *_: (right.curves[0], wrong))
    with pytest.raises(IsobitError) as caught:
        optimise(requantized())
    assert (caught.value.code, caught.value.where) == ("E901", "s, channel 1")
    x = int(caught.value.message.split()[1])
    assert wrong.at(x) != EXACT.at(x)
    assert f"makes {wrong.at(x)}, the exact staircase {EXACT.at(x)}" in caught.value.message


@pytest.mark.parametrize(
    "spoil", [lambda c: c.shift(1), lambda c: Cuts(c.start, c.cuts() + 1), lambda c: replace(EXACT, offset=Fraction(1))]
)
def test_the_counts_of_proofs_come_from_checking(spoil: Callable[[Any], Any]) -> None:
    exact = requantized()
    made = optimise(exact)
    assert [p.wrong for p in prove(exact, made)] == [0]
    node = made.by_name["s"]
    assert isinstance(node, Step)
    spoiled = changed(made, "s", curves=(node.curves[0], spoil(node.curves[1])))
    with pytest.raises(IsobitError) as caught:
        prove(exact, spoiled)
    assert (caught.value.code, caught.value.where) == ("E901", "s, channel 1")
    x = int(caught.value.message.split()[1])
    assert spoil(node.curves[1]).at(x) != EXACT.at(x)
    (counted,) = prove(exact, spoiled, frozenset(["s"]))
    assert counted.channels[0].wrong == 0
    assert counted.wrong == sum(spoil(node.curves[1]).at(x) != EXACT.at(x) for x in range(-30, 31))


@pytest.mark.parametrize("factors", [11_184_811, [11_184_811, -5_000_001, 4_194_305]])
def test_short_coefficients_that_err_are_refused_with_a_pair(factors: Any) -> None:
    unit = rounded(Fraction(1, 1 << 24), 0, -8, 7)
    before = graph(
        given(3, lo=-8, hi=7), given(3, lo=-8, hi=7, name="v"), add("s", ("x", factors), ("v", 9_437_185)),
        step("f", "s", unit), out("f"),
    )  # fmt: skip
    folded = optimise(before, FOLDING)
    narrowed = NarrowSum()(folded)
    assert len(prove_sums(folded, narrowed)) == 1
    node = narrowed.by_name["s"]
    assert isinstance(node, Add)
    a, b = node.coefficients
    with pytest.raises(IsobitError) as caught:
        prove_sums(folded, changed(narrowed, "s", coefficients=(frozen_ints(a + 3), b)))
    assert (caught.value.code, caught.value.where) == ("E901", "f, channel 0")
