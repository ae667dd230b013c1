"""Exact tensors and quantisers: hand-computed cases, and QONNX's own functions where float arithmetic is exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from qonnx.custom_op.general.intquant import int_quant
from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

from isobit.check.source.exact.quant import multi_threshold, quant, round_ratio, trunc
from isobit.check.source.exact.tensor import ExactTensor, from_floats, from_fractions, matmul, objects
from isobit.numerics import Rounding, round_rational
from tests.check.source_exact_helpers import assert_same, values

MODES = ["ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"]
F = Fraction


def test_floats_become_the_rationals_their_bits_mean() -> None:
    numbers = [0.1, -3.0, 0.0, -0.0, 2.0**-149, 3.0e38, 1.5]
    tensor = from_floats(np.array(numbers, dtype=np.float32))
    assert values(tensor) == [Fraction(float(np.float32(n))) for n in numbers]
    assert values(from_floats(np.array(0.75, dtype=np.float32))) == [F(3, 4)]
    assert from_floats(np.array([2**40], dtype=np.int64)).num[0] == 2**40


@pytest.mark.parametrize("mode", MODES)
def test_rounding_equals_qonnx_on_exact_eighths(mode: str) -> None:
    grid = np.arange(-40, 41)
    expected = int_quant(grid / 8, 1.0, 0.0, np.float64(16), True, False, mode)
    attrs = {"rounding_mode": mode, "signed": 1, "narrow": 0}
    params = [np.array(v, dtype=np.float64) for v in (1, 0, 16)]
    assert_same(quant(from_floats(grid / 8), params, attrs), expected, mode)


@pytest.mark.parametrize("mode", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize("den", [1, 2, 3 * 2**60, 10**40, 2**1200])
def test_rounding_equals_that_of_rationals_far_from_a_jump_near_it_and_on_it(mode: str, den: int) -> None:
    jumps = [Fraction(n, 2) for n in (-(2**42) - 1, -5, -2, -1, 0, 1, 2, 5, 2**42 + 1)]
    off = [Fraction(0), Fraction(1, den), Fraction(1, 2**9), Fraction(1, 2**11), Fraction(1, 3)]
    nums = [int((jump + sign * by) * den) for jump in jumps for by in off for sign in (-1, 1)]
    expected = [round_rational(Fraction(num, den), Rounding.parse(mode)) for num in nums]
    assert round_ratio(objects(nums), den, mode).tolist() == expected


def test_rounding_takes_a_divisor_of_more_elements() -> None:
    assert round_ratio(objects([[3], [5]]), objects([[2, 4]]), "ROUND").tolist() == [[2, 1], [2, 1]]


@pytest.mark.parametrize("mode", ["ROUND", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_rounding_sees_the_smallest_step_off_a_tie(mode: str, sign: int) -> None:
    tie, step = 5 * 10**40, 1  # 2.5 in units of 2e40
    below, at, above = round_ratio(objects([sign * (tie - step), sign * tie, sign * (tie + step)]), 2 * 10**40, mode)
    assert (below, above) == (2 * sign, 3 * sign)
    assert at == sign * {"ROUND": 2, "HALF_UP": 3, "HALF_DOWN": 2}[mode]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("bits", "signed", "narrow"), [(1, 1, 0), (1, 0, 0), (2, 1, 1), (3, 0, 1), (8, 1, 0)])
@pytest.mark.parametrize("zero", [0.0, 3.0])
def test_the_float_quantiser_makes_the_integers_of_qonnx(
    mode: str, bits: int, signed: int, narrow: int, zero: float
) -> None:
    rng = np.random.default_rng(bits)
    data = np.concatenate([rng.normal(scale=2, size=400), np.arange(-8, 8) * 0.05]).astype(np.float32)
    params = [np.array(v, dtype=np.float32) for v in (0.1, zero, bits)]
    expected = int_quant(data, *params, bool(signed), bool(narrow), mode)
    result = quant(data, params, {"signed": signed, "narrow": narrow, "rounding_mode": mode})
    assert (result.to_float().astype(np.float32) == expected).all()


def test_a_dequantised_value_is_exactly_integer_times_scale() -> None:
    params = [np.array(v, dtype=np.float32) for v in (0.1, 2.0, 4)]
    result = quant(np.array([0.3, -0.55], dtype=np.float32), params, {"signed": 1})
    assert values(result) == [3 * F(float(np.float32(0.1))), -6 * F(float(np.float32(0.1)))]


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL"])
def test_both_versions_of_trunc_equal_qonnx_on_powers_of_two(mode: str) -> None:
    data = np.arange(-128, 128, dtype=np.float32) / 16
    one = [np.array(v, dtype=np.float32) for v in (1 / 16, 0, 8, 5)]
    assert_same(trunc(from_floats(data), one, {"rounding_mode": mode}), trunc_v1(data, *one, mode))
    two = [np.array(v, dtype=np.float32) for v in (1 / 16, 4, 8, 1 / 2, 4)]
    attrs = {"rounding_mode": mode, "signed": 1, "narrow": 0}
    expected = trunc_v2(data, *two[:3], False, True, *two[3:], mode)
    assert_same(trunc(from_floats(data), two, attrs), expected)


def test_multi_threshold_counts_per_channel_and_reaches_at_equality() -> None:
    cuts = np.array([[0.0, 1.0], [-1.0, 0.5]], dtype=np.float32)
    data = from_fractions([F(1), F(1, 2), F(-1, 3), F(-1)], (2, 2))
    result = multi_threshold(data, cuts, {"out_scale": 0.5, "out_bias": -1.0})
    assert values(result) == [F(0), F(0), F(-1), F(-1, 2)]
    last = multi_threshold(data, cuts[:1], {"data_layout": "NC"})
    assert values(last) == [F(2), F(1), F(0), F(0)]


def test_dot_products_are_exact_beyond_every_float() -> None:
    rng = np.random.default_rng(0)
    left = [[int(v) for v in row] for row in rng.integers(-(2**62), 2**62, size=(3, 50))]
    right = [[int(v) for v in row] for row in rng.integers(-(2**62), 2**62, size=(50, 2))]
    product = matmul(ExactTensor(objects(left), 7), ExactTensor(objects(right), 1))
    expected = [F(sum(a * right[k][j] for k, a in enumerate(row)), 7) for row in left for j in range(2)]
    assert values(product) == expected


@pytest.mark.parametrize("size", [2**20, 2**26, 2**27])
def test_the_float64_path_of_dot_products_ends_where_it_would_round(size: int) -> None:
    left, right = objects([[size + 1, 2]]), objects([[size + 1, 3], [1, 5]])  # an odd sum needs every bit
    product = matmul(ExactTensor(left, 1), ExactTensor(right, 1))
    assert values(product) == [F((size + 1) ** 2 + 2), F(3 * (size + 1) + 10)]
