"""The pipeline as a whole: no real output changes, requantizers get the form that hardware takes, work is linear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isobit.errors import IsobitError
from isobit.ir import Graph, Node, frozen_ints, parse_graph, print_graph, verify
from isobit.ir.ops import Step
from isobit.numerics import Cuts, MultiplyShift, Rounded, least_multiply_shift, proves
from isobit.passes import FOLDING, PIPELINE, Rule, apply_rule, folding, optimise, shrinking
from isobit.passes.rules import NarrowSteps
from isobit.passes.shrink import ShrinkMultiplicands, no_product
from tests.ir.random_graphs import random_graph
from tests.passes.graphs import add, assert_same_reals, const, graph, linear, out, random_mlp, rounded, step
from tests.passes.graphs import given as given_input

SHRINK = ShrinkMultiplicands()
seeds = st.integers(0, 2**32)


@given(seeds)
def test_dense_networks_keep_their_outputs(seed: int) -> None:
    before = random_mlp(Random(seed))
    assert_same_reals(before, optimise(before), seed)


@settings(max_examples=150)
@given(seeds)
def test_graphs_of_all_operations_keep_their_outputs(seed: int) -> None:
    before = random_graph(Random(seed), operations=6)
    assert_same_reals(before, optimise(before), seed)


@settings(max_examples=30)
@given(seeds)
def test_every_pass_alone_keeps_the_outputs(seed: int) -> None:
    before = random_mlp(Random(seed))
    for entry in PIPELINE:
        after = entry(before)
        assert_same_reals(before, after, seed)


@settings(max_examples=30)
@given(seeds)
def test_a_second_run_keeps_the_outputs(seed: int) -> None:
    before = random_mlp(Random(seed))
    assert_same_reals(before, optimise(optimise(before)), seed)


@settings(max_examples=20)
@given(seeds)
def test_two_runs_print_the_same(seed: int) -> None:
    assert print_graph(optimise(random_mlp(Random(seed)))) == print_graph(optimise(random_mlp(Random(seed))))


@given(seeds)
def test_steps_come_out_as_hardware_takes_them(seed: int) -> None:
    after = optimise(random_mlp(Random(seed)))
    for node in after.nodes:
        if isinstance(node, Step):
            scaled = [c for c in node.curves if isinstance(c, MultiplyShift)]
            refused = bool(no_product(node))
            assert len(scaled) == (0 if refused else len(node.curves))
            assert all(isinstance(c, Cuts | Rounded) for c in node.curves if c not in scaled)
            assert {(c.lo, c.hi) for c in scaled} <= {after.types[node.name].bounds}


def test_a_network_folds_to_one_linear_and_one_step_per_layer() -> None:
    nodes: list[Node] = [given_input(3, lo=-8, hi=7)]
    x = "x"
    rng = np.random.default_rng(3)
    for i in range(3):
        nodes += [const(rng.integers(1, 8, (3, 3)), f"w{i}"), const([3, -2, 1], f"b{i}")]
        nodes += [linear(f"d{i}", x, f"w{i}"), add(f"k{i}", (f"d{i}", [1, -1, 1]))]
        nodes += [add(f"a{i}", (f"k{i}", 1), (f"b{i}", 1))]
        nodes += [step(f"s{i}", f"a{i}", *(rounded("1/7", o, -7, 7) for o in (0, 1, "1/2")))]
        nodes += [step(f"t{i}", f"s{i}", rounded("2/3", 0, -4, 4))]
        x = f"t{i}"
    before = graph(*nodes, out(x))
    after = optimise(before)
    assert [n.op for n in after.nodes if n.op != "const"] == ["input", *["linear", "step"] * 3, "output"]
    assert_same_reals(before, after)


# ------------------------------------------------------------------------------------------------------- shrinking

WIDE = given_input(3, lo=[-400, 0, -30], hi=[400, 90, 500])
THREE = (rounded("1/90", "1/4", -8, 7), rounded("1/7", 0, -8, 7), rounded("2/145", -1, -8, 7))


def steps(g: Graph) -> list[Step]:
    return [n for n in g.nodes if isinstance(n, Step)]


def test_shrinking_gives_one_shift_and_one_clamp_and_least_multiplicands() -> None:
    before = graph(WIDE, step("s", "x", *THREE), out("s"))
    after = apply_rule(before, SHRINK)
    (node,) = steps(after)
    bounds = after.types["s"].bounds
    los, his = node.curves.reach(after.types["x"])
    for made, curve, lo, hi in zip(node.curves, THREE, los, his, strict=True):
        assert isinstance(made, MultiplyShift)
        assert (made.lo, made.hi) == bounds
        assert proves(made, curve, lo, hi)
        assert np.array_equal(made(range(lo, hi + 1)), curve(range(lo, hi + 1)))
        alone = least_multiply_shift(curve, lo, hi, bounds)
        assert isinstance(alone, MultiplyShift)
        assert made.m << alone.k <= alone.m << made.k if made.k > alone.k else made == alone
    assert len({c.k for c in node.curves if isinstance(c, MultiplyShift)}) == 1
    assert_same_reals(before, after)


def test_shrinking_uses_the_reachable_interval() -> None:
    curve = rounded("100/301", 0, -128, 127)
    sizes = []
    for reach in (3, 30, 300):
        g = apply_rule(graph(given_input(1, lo=-reach, hi=reach), step("s", "x", curve), out("s")), SHRINK)
        (made,) = steps(g)[0].curves
        assert isinstance(made, MultiplyShift)
        sizes.append(made.m)
    assert sizes == sorted(set(sizes))


def test_shrinking_leaves_what_has_no_multiplicand_as_cuts_and_says_why() -> None:
    uneven = Cuts(0, [-9, -8, 9])
    before = graph(given_input(2, lo=-20, hi=20), step("s", "x", rounded("1/9"), uneven), out("s"))
    after = apply_rule(before, SHRINK)
    (node,) = steps(after)
    assert all(isinstance(c, Cuts) for c in node.curves)
    assert "need a slope above" in no_product(node)
    assert_same_reals(before, after)
    assert apply_rule(after, SHRINK) is after


def test_shrinking_rests_on_what_is_settled_and_joins_what_is_not() -> None:
    settled = (MultiplyShift(3, 0, 2, -3, 3), MultiplyShift(1, 2, 2, -3, 3))
    x = given_input(2, lo=-4, hi=4)
    resting = graph(x, step("s", "x", *settled), out("s"))
    assert apply_rule(resting, SHRINK) is resting
    for other in (MultiplyShift(2, 4, 3, -3, 3), MultiplyShift(1, 2, 2, -1, 1)):
        after = apply_rule(graph(x, step("s", "x", settled[0], other), out("s")), SHRINK)
        (node,) = steps(after)
        assert [(c.lo, c.hi) for c in node.curves if isinstance(c, MultiplyShift)] == [(-3, 3)] * 2


# ---------------------------------------------------------------------------------------------------------- driver


def chain(length: int) -> Graph:
    nodes: list[Node] = [given_input(2)]
    x = "x"
    for i in range(length):
        nodes += [
            const([[1, 2], [3, -1]], f"w{i}"),
            linear(f"d{i}", x, f"w{i}"),
            step(f"s{i}", f"d{i}", rounded("1/4")),
        ]
        x = f"s{i}"
    return graph(*nodes, out(x))


def visits(length: int) -> int:
    """How often any rule looks at any node while a chain of layers is optimised."""
    seen: list[str] = []
    optimise(chain(length), tuple(Counted(e, seen) if isinstance(e, Rule) else e for e in PIPELINE))
    return len(seen)


@dataclass(frozen=True)
class Counted(Rule):
    """Another rule, and the names of all nodes that it looked at."""

    rule: Rule
    seen: list[str]

    def rewrite(self, g: Graph, node: Node) -> tuple[Node, ...] | None:
        self.seen.append(node.name)
        return self.rule.rewrite(g, node)


def test_work_is_linear_in_the_number_of_layers() -> None:
    assert visits(40) <= 4.5 * visits(10)


@dataclass(frozen=True)
class Restless(Rule):
    """Fires for ever."""

    def rewrite(self, g: Graph, node: Node) -> tuple[Node, ...] | None:
        return (node,) if isinstance(node, Step) else None


def test_a_rule_that_never_rests_is_reported() -> None:
    with pytest.raises(IsobitError, match=r"E901.*does not terminate\n  at: restless"):
        apply_rule(chain(1), Restless())


@dataclass(frozen=True)
class Touch(Rule):
    """Tells where it was, once."""

    def rewrite(self, g: Graph, node: Node) -> tuple[Node, ...] | None:
        return None if "extra" in node.source else (replace(node, source=("extra",)),)


def test_provenance_grows_and_meaning_does_not() -> None:
    before = chain(1)
    after = apply_rule(before, Touch())
    assert all(n.rules == ("touch",) and n.source == ("extra",) for n in after.nodes)
    assert verify(after).digest == before.digest


# ------------------------------------------------------------------------------------------- provenance and facts


def test_passes_are_records_of_their_options() -> None:
    assert ShrinkMultiplicands(8) == ShrinkMultiplicands(bits=8) != ShrinkMultiplicands()
    assert len({p.name for p in PIPELINE}) == len({type(p) for p in PIPELINE})
    assert folding() + shrinking() == PIPELINE and folding() == FOLDING
    with pytest.raises(AttributeError):
        SHRINK.bits = 4  # type: ignore[misc]


@settings(max_examples=30)
@given(seeds)
def test_provenance_never_steers(seed: int) -> None:
    """Whatever stands in ``rules``, every pass makes of a graph what it makes of one that says nothing."""
    silent = random_mlp(Random(seed))
    words = ("narrow-sum", "no multiply-shift: no", "unfolded pair: 1", "budget", *(p.name for p in PIPELINE))
    told = Graph(tuple(replace(n, rules=words) for n in silent.nodes))
    for entry in PIPELINE:
        silent, told = entry(silent), entry(told)
        assert [(n.name, n.facts) for n in told.nodes] == [(n.name, n.facts) for n in silent.nodes]
        assert told.digest == silent.digest


def test_that_no_product_was_found_is_forgotten_with_the_curves_it_was_said_of() -> None:
    uneven = Cuts(0, [-9, -8, 9])
    before = SHRINK(graph(given_input(1, lo=-20, hi=20), step("s", "x", uneven), out("s")))
    assert no_product(steps(before)[0])
    narrower = Graph((replace(before.nodes[0], lo=frozen_ints(0), hi=frozen_ints(20)), *before.nodes[1:]))  # type: ignore[call-arg]
    after = SHRINK(NarrowSteps()(narrower))
    assert not no_product(steps(after)[0]) and isinstance(steps(after)[0].curves[0], MultiplyShift)
    assert parse_graph(print_graph(before)).by_name["s"].facts == before.by_name["s"].facts
