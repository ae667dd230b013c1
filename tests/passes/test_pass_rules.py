"""Each rule where it fires, with equal real outputs on all inputs, and where it must not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from isobit.ir import Node
from isobit.ir.ops import Const, Step, Table
from isobit.numerics import Cuts, MultiplyShift, Rounded
from tests.passes.graphs import PAIR, RULES, SQUARE, add, const, fires, given, kinds, linear, out, rests, rounded, step


def test_every_rule_states_its_equation() -> None:
    for rule in RULES.values():
        assert "=" in rule.equation, rule.name
    assert len(RULES) == len({type(rule) for rule in RULES.values()})


# ------------------------------------------------------------------------------------ fold-scale-into-weights


@pytest.mark.parametrize("factors", [[-1, 1], [-3], [0, 2**70]])
def test_scale_folds_into_dense_weights(factors: list[int]) -> None:
    after = fires("fold-scale-into-weights", *SQUARE, add("k", ("d", np.array(factors, object))), out("k"))
    assert kinds(after) == ["input", "linear", "output"]


def test_scale_folds_into_convolutions_and_groups() -> None:
    image, kernel = given(3, 2), const(np.arange(8).reshape(4, 2, 1) - 3)
    conv = linear("d", "x", strides=(1,), dilations=(1,), groups=2)
    fires("fold-scale-into-weights", image, kernel, conv, add("k", ("d", [1, -1, 2, -2])), out("k"))


def test_shared_weights_are_scaled_for_one_reader_only() -> None:
    after = fires(
        "fold-scale-into-weights",
        *SQUARE, linear("e", "x"), add("k", ("d", -1)), add("z", ("k", 1), ("e", 1)), out("z"),
    )  # fmt: skip
    assert sum(isinstance(n, Const) for n in after.nodes) == 2


def test_scale_rests() -> None:
    name = "fold-scale-into-weights"
    rests(name, *SQUARE, add("k", ("d", -1)), out("k"), out("d", "z"))  # the unscaled sum is read, too
    rests(name, *SQUARE, add("k", ("d", 2), ("d", 3)), out("k"))
    rests(name, PAIR, step("s", "x", rounded("1/2")), add("k", ("s", -1)), out("k"))
    rests(name, PAIR, given(2, 2, name="w"), linear("d", "x"), add("k", ("d", -1)), out("k"))


# -------------------------------------------------------------------------------------- falling-step-to-table


@pytest.mark.parametrize("factors", [[-1, 1], [-2], [2**62, -(2**70)]])
@pytest.mark.parametrize("count", [1, 2])
def test_falling_step_becomes_a_table(factors: list[int], count: int) -> None:
    big = max(map(abs, factors))
    curves = (rounded(Fraction(2, 3 * big)), Cuts(-1, np.array([-3 * big, 0, big], object)))[:count]
    nodes = (PAIR, add("k", ("x", np.array(factors, object))), step("s", "k", *curves), out("s"))
    after = fires("falling-step-to-table", *nodes)
    assert kinds(after) == ["input", "table", "output"]
    (table,) = [n for n in after.nodes if isinstance(n, Table)]
    assert table.values.shape == (max(count, len(factors)), 9)


def test_falling_step_rests() -> None:
    name, curve = "falling-step-to-table", rounded("1/3")
    rests(name, PAIR, add("k", ("x", -1)), step("s", "k", curve), out("s"), out("k", "z"))
    rests(name, PAIR, add("k", ("x", -1), ("x", 2)), step("s", "k", curve), out("s"))
    rests(name, PAIR, step("s", "x", curve), out("s"))
    rests(name, given(2, lo=0, hi=2**17), add("k", ("x", -1)), step("s", "k", curve), out("s"))


# ---------------------------------------------------------------------------------------------- compose-steps


def test_chained_steps_become_one_and_not_the_product_of_their_scales() -> None:
    wide = given(1, lo=-40, hi=40)
    inner, outer = rounded("1/3", 0, -9, 9), rounded("1/2", 0, -4, 4)
    after = fires("compose-steps", wide, step("s", "x", inner), step("t", "s", outer), out("t"))
    assert kinds(after) == ["input", "step", "output"]
    (made,) = [n for n in after.nodes if isinstance(n, Step)]
    naive = rounded("1/6", 0, -4, 4)
    assert any(made.curves[0].at(v) != naive.at(v) for v in range(-40, 41))


def test_chains_of_shared_and_single_curves_keep_the_source() -> None:
    two = (Cuts(-1, [-2, 1, 1]), rounded("3/2", "1/4", -5, 5))
    first = Step(name="s", inputs=("x",), curves=two, source=("a",))
    last = Step(name="t", inputs=("s",), curves=(MultiplyShift(3, 1, 2, -1, 2),), source=("b",))
    after = fires("compose-steps", PAIR, first, last, out("t"))
    (made,) = [n for n in after.nodes if isinstance(n, Step)]
    assert made.source == ("a", "b")
    assert len(made.curves) == 2


def test_composition_rests() -> None:
    two = (step("s", "x", rounded("1/2")), step("t", "s", rounded("1/2")))
    rests("compose-steps", PAIR, *two, out("t"), out("s", "z"))
    rests("compose-steps", PAIR, two[0], out("s"))
    rests("compose-steps", *SQUARE, step("t", "d", rounded("1/2")), out("t"))


# ----------------------------------------------------------------------------------------------- narrow-steps


def test_unreachable_levels_are_dropped() -> None:
    lopsided = given(2, lo=[0, -1], hi=[4, 0])
    after = fires("narrow-steps", lopsided, step("s", "x", rounded(1, 0, -9, 9), Cuts(0, [-5, 0, 9])), out("s"))
    (made,) = [n for n in after.nodes if isinstance(n, Step)]
    assert made.curves == (rounded(1, 0, 0, 4), Cuts(1, [0]))


def test_a_shared_curve_is_narrowed_to_all_channels() -> None:
    lopsided = given(2, lo=[0, -1], hi=[4, 0])
    after = fires("narrow-steps", lopsided, step("s", "x", rounded(1, 0, -9, 9)), out("s"))
    (made,) = [n for n in after.nodes if isinstance(n, Step)]
    assert made.curves == (rounded(1, 0, -1, 4),)


def test_narrow_steps_rest() -> None:
    rests("narrow-steps", PAIR, step("s", "x", rounded("1/2", 0, -2, 2)), out("s"))
    rests("narrow-steps", *SQUARE, out("d"))


# ----------------------------------------------------------------------------------------- drop-identity-steps


def test_identities_vanish() -> None:
    same = rounded(1, 0, -4, 4)
    after = fires("drop-identity-steps", PAIR, step("s", "x", same), step("t", "s", Cuts(-4, range(-3, 5))), out("t"))
    assert kinds(after) == ["input", "output"]
    mixed = add("k", ("s", 1), ("x", 1))
    assert kinds(fires("drop-identity-steps", PAIR, step("s", "x", same), mixed, out("k"))) == [
        "input",
        "add",
        "output",
    ]


def test_identity_on_the_reachable_interval_only() -> None:
    small = given(2, lo=[0, 1], hi=[1, 2])
    fires("drop-identity-steps", small, step("s", "x", Cuts(-1, [0, 1, 2, 99])), out("s"))


@pytest.mark.parametrize(
    "curve",
    [rounded(1, 1, -4, 5), rounded(1, 0, -3, 4), rounded("8/10", 0, -4, 4), Cuts(-4, [-3, -2, -1, 0, 1, 2, 4, 4])],
)
def test_near_identities_stay(curve: Cuts | Rounded) -> None:
    rests("drop-identity-steps", PAIR, step("s", "x", curve), out("s"))


# ------------------------------------------------------------------------------------------- drop-dead-channels

FIRST = (given(2), const([[1, 2], [3, -1], [0, 0]], "v"), linear("d", "x", "v"))


def two_layers(*curves: Rounded | Cuts, second: object = ((1, 2, 3), (4, 5, 6))) -> list[Node]:
    return [*FIRST, step("s", "d", *curves), const(second), linear("e", "s")]


def test_constant_channels_become_a_bias() -> None:
    nodes = two_layers(rounded("1/2"), Cuts(7, []), rounded("1/2", 2))
    after = fires("drop-dead-channels", *nodes, out("e"))
    assert after.types["d"].channels == 1
    assert kinds(after) == ["input", "linear", "step", "linear", "add", "output"]


def test_unread_channels_leave_no_bias() -> None:
    nodes = two_layers(rounded("1/2"), rounded("1/3"), rounded("1/2"), second=((1, 0, 3), (4, 0, 6)))
    after = fires("drop-dead-channels", *nodes, out("e"))
    assert after.types["d"].channels == 1
    nodes = two_layers(rounded("1/2"), rounded("1/3"), Cuts(0, []), second=((1, 0, 3), (4, 0, 6)))
    assert "add" not in kinds(fires("drop-dead-channels", *nodes, out("e")))


def test_a_shared_curve_stays_shared() -> None:
    after = fires("drop-dead-channels", *two_layers(rounded("1/2", 1)), out("e"))
    (made,) = [n for n in after.nodes if isinstance(n, Step)]
    assert len(made.curves) == 1


def test_dead_channels_rest() -> None:
    name, alive = "drop-dead-channels", (rounded("1/2"), rounded("1/3"), Cuts(0, []))
    rests(name, *two_layers(Cuts(1, [])), out("e"))  # nothing would be left
    rests(name, *two_layers(*alive), out("e"), out("s", "z"))
    rests(name, *two_layers(*alive), out("e"), out("d", "z"))
    live = const([[1, 2], [3, -1], [1, 1]], "v")
    rests(name, FIRST[0], live, *two_layers(rounded("1/2"))[2:], out("e"))
    grouped = (const([[1], [2], [3]]), linear("e", "s", groups=3))
    rests(name, *two_layers(*alive)[:4], *grouped, out("e"))
    rests(name, given(2), const([[1], [0]], "v"), linear("d", "x", "v", groups=2), step("s", "d", rounded("1/2")),
          const([[1, 1]]), linear("e", "s"), out("e"))  # fmt: skip


# ---------------------------------------------------------------------------------------------- fold-bias


@pytest.mark.parametrize("bias", [[5], [5, -3]])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("first", [True, False])
def test_bias_moves_the_cuts(bias: list[int], count: int, first: bool) -> None:
    terms = [("d", 1), ("b", -2)]
    curves = (rounded("1/5"), Cuts(0, [-9, 3]))[:count]
    total = add("a", *(terms if first else terms[::-1]))
    after = fires("fold-bias-into-step", *SQUARE, const(bias, "b"), total, step("s", "a", *curves), out("s"))
    assert kinds(after) == ["input", "linear", "step", "output"]


def test_bias_into_step_rests() -> None:
    name, curve, bias = "fold-bias-into-step", rounded("1/5"), const([1, 2], "b")
    total = add("a", ("d", 1), ("b", 1))
    rests(name, *SQUARE, bias, total, step("s", "a", curve), out("s"), out("a", "z"))
    rests(name, *SQUARE, bias, add("a", ("d", 2), ("b", 1)), step("s", "a", curve), out("s"))
    rests(name, *SQUARE, bias, add("a", ("d", 1), ("b", 1), ("x", 1)), step("s", "a", curve), out("s"))
    rests(name, *SQUARE, add("a", ("d", 1), ("x", 1)), step("s", "a", curve), out("s"))
    rests(name, given(1), bias, add("a", ("x", 1), ("b", 1)), step("s", "a", curve), out("s"))  # it broadcasts
    rests(
        name, given(2, 2), const([[1, 2], [3, 4]], "b"), add("a", ("x", 1), ("b", 1)), step("s", "a", curve), out("s")
    )


@pytest.mark.parametrize("bias", [[5], [5, -3]])
@pytest.mark.parametrize("scale", [(Fraction(1, 3),), (Fraction(1, 3), Fraction(-2))])
def test_bias_joins_the_offset_of_an_output(bias: list[int], scale: tuple[Fraction, ...]) -> None:
    end = out("a", scale=scale, offset=(Fraction(1, 7),))
    after = fires("fold-bias-into-output", *SQUARE, const(bias, "b"), add("a", ("d", 1), ("b", 3)), end)
    assert kinds(after) == ["input", "linear", "output"]


def test_bias_into_output_rests() -> None:
    name, bias = "fold-bias-into-output", const([1, 2], "b")
    total = add("a", ("d", 1), ("b", 1))
    rests(name, *SQUARE, bias, total, out("a"), out("a", "z"))
    rests(name, *SQUARE, bias, add("a", ("d", -1), ("b", 1)), out("a"))
    rests(name, given(1), bias, add("a", ("x", 1), ("b", 1)), out("a"))
