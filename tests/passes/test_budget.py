"""Rung 4: errors within a budget, counted as trying every accumulator counts them; and the plain rule beside it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.ir import Graph
from isobit.ir.ops import Step
from isobit.numerics import Curve, MultiplyShift, Rounded, Rounding
from isobit.passes.budget import apply_budget, parse_share, plain_rescale
from tests.passes.graphs import given, graph, out, step

CURVES = tuple(
    Rounded(Fraction(n, 9973), Fraction(n % 7, 5), Rounding.ROUND, -8, 7) for n in (31, 57, 101, 211, 60, 35)
)


def layer(curves: tuple[Curve, ...] = CURVES) -> Graph:
    return graph(given(len(curves), lo=-900, hi=700), step("s", "x", *curves), out("s"))


def tried(before: Graph, after: Graph) -> list[tuple[int, int]]:
    """Per curve the number of reachable accumulators with another output, and the largest change."""
    old, new = before.by_name["s"], after.by_name["s"]
    assert isinstance(old, Step)
    assert isinstance(new, Step)
    spans = old.curves.spans(before.types["x"])
    rows = zip(old.curves, new.curves, spans, strict=True)
    apart = [[abs(f.at(x) - g.at(x)) for x in range(lo, hi + 1)] for f, g, (lo, hi) in rows]
    return [(sum(d != 0 for d in row), max(row)) for row in apart]


@pytest.mark.parametrize("bits", [3, 4, 5, 6, 8])
def test_the_counts_are_those_of_every_accumulator(bits: int) -> None:
    before = layer()
    after, (errors,) = apply_budget(before, ["s"], bits, Fraction(1, 4))
    counts = tried(before, after)
    assert (errors.wrong, errors.worst) == (sum(n for n, _ in counts), max(w for _, w in counts))
    assert (errors.reachable, errors.share) == (6 * 1601, max(Fraction(n, 1601) for n, _ in counts))
    node = after.by_name["s"]
    assert isinstance(node, Step)
    assert all(isinstance(c, MultiplyShift) and c.m < 1 << bits for c in node.curves)
    assert "budget" in node.rules


def test_more_bits_never_change_more() -> None:
    wrong = [apply_budget(layer(), ["s"], bits, Fraction(1, 4))[1][0].wrong for bits in range(5, 13)]
    assert wrong == sorted(wrong, reverse=True)
    assert wrong[0] > 0
    assert wrong[-1] == 0


def test_the_intervals_behind_the_step_stay() -> None:
    before = layer()
    after, _ = apply_budget(before, ["s"], 3, Fraction(1, 4))
    kinds = before.types["s"], after.types["s"]
    assert bool((kinds[1].lo >= kinds[0].lo).all() and (kinds[1].hi <= kinds[0].hi).all())


def test_a_step_over_the_budget_is_named() -> None:
    with pytest.raises(IsobitError) as error:
        apply_budget(layer(), ["s"], 3, Fraction(1, 10_000))
    assert error.value.code == "E802"
    assert error.value.message.startswith("s: ")


def test_the_accumulators_of_given_inputs_count_too() -> None:
    """Real accumulators beside the cuts, where a short multiplicand errs: far above the share of all of them."""
    before = layer()
    cuts = [np.resize(np.concatenate([c.restrict(-900, 700).cuts() + d for d in (-1, 0)]), 40) for c in CURVES]
    seen = {"x": np.stack(cuts, axis=1)}
    after, (counted,) = apply_budget(before, ["s"], 4, Fraction(1), seen)
    old, new = before.by_name["s"], after.by_name["s"]
    assert isinstance(old, Step)
    assert isinstance(new, Step)
    wrong = [int(np.count_nonzero(f(x) != g(x))) for f, g, x in zip(old.curves, new.curves, cuts, strict=True)]
    assert (counted.seen, counted.seen_wrong) == (240, sum(wrong))
    assert counted.seen_share == Fraction(max(wrong), 40)
    assert apply_budget(before, ["s"], 4, Fraction(1, 4))[1][0].seen == 0
    with pytest.raises(IsobitError) as error:
        apply_budget(before, ["s"], 4, Fraction(1, 4), seen)
    assert error.value.code == "E802"
    assert "of the given inputs change" in error.value.message


@pytest.mark.parametrize("bits", [4, 5, 6])
def test_within_the_share_the_given_inputs_choose(bits: int) -> None:
    """What happens to the accumulators that occur weighs more than what happens to those that only could."""
    before = layer()
    plain, (free,) = apply_budget(before, ["s"], bits, Fraction(1, 5))
    old, new = before.by_name["s"], plain.by_name["s"]
    assert isinstance(old, Step)
    assert isinstance(new, Step)
    domain = np.arange(-900, 701)
    wrong = [domain[f(domain) != g(domain)] for f, g in zip(old.curves, new.curves, strict=True)]
    # as often as possible where the plain choice is wrong, and once everywhere else
    columns = [np.concatenate([domain, np.resize(w, 400) if w.size else domain[:400]]) for w in wrong]
    seen = {"x": np.stack(columns, axis=1)}
    hit = sum(int(np.count_nonzero(f(x) != g(x))) for f, g, x in zip(old.curves, new.curves, columns, strict=True))
    _, (weighed,) = apply_budget(before, ["s"], bits, Fraction(1, 5), seen)
    assert hit > 6 * 100
    assert weighed.seen_wrong < hit / 2
    assert weighed.wrong >= free.wrong
    assert (weighed.seen, weighed.worst) == (6 * 2001, 1)
    assert weighed.share <= Fraction(1, 5)
    assert Fraction(weighed.seen_wrong, weighed.seen) <= weighed.seen_share <= Fraction(1, 5)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_plain_rule_is_counted_and_never_better(bits: int) -> None:
    before = layer()
    after, (errors,) = plain_rescale(before, bits)
    counts = tried(before, after)
    assert (errors.wrong, errors.worst) == (sum(n for n, _ in counts), max(w for _, w in counts))
    assert errors.wrong >= apply_budget(before, ["s"], bits, Fraction(1))[1][0].wrong


@pytest.mark.parametrize(
    ("text", "share"),
    [("50ppm", Fraction(1, 20_000)), ("0.1%", Fraction(1, 1000)), ("1/3", Fraction(1, 3)), (" .5 ", Fraction(1, 2)),
     ("3ppb", Fraction(3, 10**9)), ("0", Fraction(0)), ("1", Fraction(1))],
)  # fmt: skip
def test_a_share_is_read(text: str, share: Fraction) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["", "five", "-1%", "101%", "1/0", "1e-3", "50 pp", "0.5/3", "2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(IsobitError) as error:
        parse_share(text)
    assert error.value.code == "E803"


@pytest.mark.parametrize("share", [Fraction(1, 4), Fraction(1, 20), Fraction(1, 500)])
def test_the_least_width_within_the_budget(share: Fraction) -> None:
    """Nothing narrower keeps the budget."""
    (errors,) = apply_budget(layer(), ["s"], 16, share, least=True)[1]
    assert errors.share <= share
    assert 1 < errors.bits < 16
    with pytest.raises(IsobitError):
        apply_budget(layer(), ["s"], errors.bits - 1, share)
