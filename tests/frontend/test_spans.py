"""Spans of float64 enclose what the exact operations make of every rational inside; runs are the levels one by one."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.frontend.qonnx import function as functions
from isobit.frontend.qonnx.function import on_spans, whole
from isobit.frontend.qonnx.runs import Runs, TooManyRuns, runs_of
from isobit.frontend.qonnx.spans import Span
from isobit.frontend.qonnx.symbolic import Enclosed, Function, Values
from isobit.numerics import Rounding, round_rational

Change = Callable[[Values], Values]


def _scaled(v: Values, a: str) -> Values:
    return functions.scaled(v, Fraction(a))


def _plus(v: Values, a: str) -> Values:
    return functions.add(v, functions.constant(Fraction(a), v))


def _above(v: Values) -> Values:
    return functions.decided(v, lambda x: int(x > Fraction("0.3")), rises=True)


OPERATIONS: dict[str, Change] = {
    **{name: lambda v, name=name: functions.apply_rising(_scaled(v, "0.37"), name)  # type: ignore[misc]
       for name in ("erf", "exp", "sigmoid", "softplus", "tanh")},
    "log": lambda v: functions.apply_rising(_plus(functions.multiply(v, v), "0.001"), "log"),
    "sqrt": lambda v: functions.apply_rising(functions.greater_of(v, functions.constant(Fraction(0), v)), "sqrt"),
    "scaled": lambda v: _scaled(v, "-1/3"), "plus": lambda v: _plus(v, "1/7"),
    "square": lambda v: functions.multiply(v, v),
    "silu": lambda v: functions.multiply(v, functions.apply_rising(v, "sigmoid")),
    "reciprocal": lambda v: functions.reciprocal(_plus(functions.multiply(v, v), "0.1")),
    "lesser": lambda v: functions.lesser_of(v, _scaled(v, "-2")),
    "by sign": lambda v: functions.by_sign(v, _scaled(v, "2"), _scaled(v, "-0.3")),
    "decided": _above, "chosen": lambda v: functions.chosen(_above(v), v, _scaled(v, "5")),
    "an unknown choice": lambda v: functions.chosen(functions.decided(v, lambda x: int(x == 2)), v, _scaled(v, "5")),
    "between": lambda v: functions.multiply(v, functions.between(Fraction(1, 3), Fraction(1, 3), v)),
}  # fmt: skip
INTEGERS = st.integers(-300, 300)


@pytest.mark.parametrize("name", OPERATIONS)
@given(ends=st.tuples(INTEGERS, INTEGERS), inside=INTEGERS, grain=st.sampled_from([1, 8, 1000]))
def test_a_span_encloses_every_rational_inside(name: str, ends: tuple[int, int], inside: int, grain: int) -> None:
    low, high = min(ends), max(ends)
    x = min(max(inside, low), high)
    change = OPERATIONS[name]
    exact = change(functions.scaled(whole([x], 0.0), Fraction(1, grain)))
    around = change(functions.scaled(Span.of_integers(np.array([low]), np.array([high])), Fraction(1, grain)))
    assert isinstance(exact, Enclosed) and isinstance(around, Span)
    assert around.low[0] == -np.inf or Fraction(around.low[0]) <= exact.high[0]
    assert around.high[0] == np.inf or Fraction(around.high[0]) >= exact.low[0]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_span_of_one_integer_is_narrow(name: str) -> None:
    """Otherwise every level would be decided by rationals, and nothing gained."""
    if name == "an unknown choice":
        pytest.skip("nothing is known of it")
    x = np.array([-17, -1, 2, 29])
    made = OPERATIONS[name](functions.scaled(Span.of_integers(x, x), Fraction(1, 8)))
    assert (made.high - made.low <= 2.0**-36 * np.maximum(1, np.abs(made.low))).all()


def _levels(f: Function, integers: list[int]) -> list[int]:
    return [_level(0, v) for v in f.at(0, whole(integers, 0.0)).low]


def _level(_: int, value: Fraction) -> int:
    return min(max(round_rational(value * 2, Rounding.ROUND), -20), 20)


@pytest.mark.parametrize("name", OPERATIONS)
def test_runs_are_the_levels_of_all_integers(name: str) -> None:
    f = Function("x", (), 1, lambda _, x: OPERATIONS[name](functions.scaled(x, Fraction(1, 60))))
    integers = list(range(-700, 901))
    made = runs_of(f, 0, _level, (-700, 900), (-20, 20), lambda some: _levels(f, some))
    wanted = _levels(f, integers)
    assert made.row().tolist() == wanted
    assert (made.changes != 0).all()
    assert made.starts.tolist() == Runs.of_row(np.array(wanted), -700).starts.tolist()
    up, down, turned = made.risen(int(made.levels[0])), made.fallen(), made.negated()
    assert (up(np.array(integers)) - down(np.array(integers))).tolist() == wanted
    assert (int(turned.starts[0]), turned.last, turned.row().tolist()) == (-900, 700, wanted[::-1])


def test_what_has_an_edge_at_every_integer_is_given_up() -> None:
    f = Function("x", (), 1, lambda _, x: functions.decided(x, lambda v: int(v) % 2))
    with pytest.raises(TooManyRuns):
        runs_of(f, 0, _level, (0, 1 << 40), (0, 1), lambda some: _levels(f, some))


def test_every_operation_has_its_span() -> None:
    with pytest.raises(AttributeError):
        on_spans(lambda v: v)
