"""A curve at one integer, and a clamp that changes nothing."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding
from isobit.numerics.edges import deciding_cuts, deciding_levels

WIDE = st.integers(-(1 << 70), 1 << 70)
CURVES = st.one_of(
    st.builds(MultiplyShift, st.integers(1, 1 << 40), WIDE, st.integers(0, 70), st.integers(-9, 0), st.integers(1, 9)),
    st.builds(
        Rounded, st.fractions(Fraction(1, 1 << 40), 1 << 20), st.fractions(-9, 9), st.sampled_from(list(Rounding)),
        st.integers(-9, 0), st.integers(1, 9),
    ),
    st.builds(Cuts, st.integers(-9, 9), st.lists(WIDE, max_size=6).map(sorted)),
)  # fmt: skip


@given(CURVES, st.one_of(WIDE, st.integers(-20, 20)))
def test_one_integer_has_the_value_that_it_has_in_an_array(curve: Curve, x: int) -> None:
    assert curve.at(x) == int(curve([x])[0]) == int(curve(np.array([x, 0], dtype=object))[0])


@given(CURVES)
def test_a_curve_clamped_to_its_own_values_is_itself(curve: Curve) -> None:
    same = curve.clamp(curve.start, curve.top)
    assert same is curve
    assert curve.clamp(curve.start - 1, curve.top + 1) is curve


@given(CURVES)
def test_the_cuts_that_decide_are_those_at_their_levels(curve: Curve) -> None:
    assert deciding_cuts(curve).tolist() == curve.cuts_at(deciding_levels(curve)).tolist()


@pytest.mark.parametrize("curve", [MultiplyShift(1, 0, 0, 0, 3), Rounded(Fraction(1), Fraction(0), Rounding.UP, 0, 3)])
def test_a_float_is_no_argument(curve: Curve) -> None:
    with pytest.raises(TypeError):
        curve.at(1.0)  # type: ignore[arg-type]
