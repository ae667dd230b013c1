"""Exact at every width: which arithmetic is chosen, that it is never too narrow, and what inputs are refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.errors import IsobitError
from isobit.interp import Evaluator, dequantise, matmul, quantise, real_input, run
from isobit.interp.matmul import ExactProduct, product_dtype
from isobit.interp.steps import StepFunction
from isobit.interp.working import working_dtype
from isobit.ir import Graph, HostOp, Quantiser, frozen_ints, verify
from isobit.ir.ops import Add, Const, Input, Linear, Output, Select, Step
from isobit.ir.types import ValueType
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding

LIMITS = [(2**24, np.float32, np.float64), (2**53, np.float64, np.int64), (2**63 - 1, np.int64, object)]


def as_objects(values: Any) -> Any:
    return np.array(values, dtype=object)


def dense(weights: Any, lo: int, hi: int) -> Graph:
    w = frozen_ints(as_objects(weights))
    x = Input(name="x", shape=(w.shape[1],), lo=frozen_ints(lo), hi=frozen_ints(hi))
    node = Linear(name="v", inputs=("x", "w"))
    return verify(Graph((x, Const(name="w", value=w), node, Output(name="y", inputs=("v",)))))


@pytest.mark.parametrize(("limit", "below", "above"), LIMITS)
def test_the_arithmetic_is_chosen_by_the_largest_possible_sum(limit: int, below: Any, above: Any) -> None:
    fits = as_objects([[1, -1]]), limit // 2
    assert product_dtype(*fits) is below
    assert product_dtype(as_objects([[1, -1, 1]]), limit // 2) is above
    assert product_dtype(as_objects([[limit]]), 1) is below
    assert product_dtype(as_objects([[limit + 1]]), 1) is above
    assert product_dtype(as_objects([[0]]), limit + 1) is above


def test_the_most_negative_weight_is_not_taken_for_a_small_one() -> None:
    assert product_dtype(np.array([[-(2**63)]]), 1) is object
    assert product_dtype(np.array([[-(2**62), -(2**62)]]), 1) is object


@pytest.mark.parametrize("bits", [23, 24, 25, 52, 53, 54, 61, 62, 63, 64, 100])
def test_sums_around_every_width_are_exact(bits: int) -> None:
    top = 2 ** (bits - 1)
    weights = [[1, 1, 0], [1, -1, 1], [-1, -1, -1], [3, 5, -7]]
    graph = dense(weights, -top, top)
    samples = as_objects(
        [[top, top, 1], [top, top - 1, -1], [-top, -top, top], [top - 1, 1 - top, 3], [top, 1, top - 3]]
    )
    wanted = [[sum(w * x for w, x in zip(row, sample, strict=True)) for row in weights] for sample in samples.tolist()]
    assert run(graph, {"x": samples})["y"].tolist() == wanted


@pytest.mark.parametrize("bits", [12, 13, 27, 31, 32, 40])
def test_products_around_every_width_are_exact(bits: int) -> None:
    rng = np.random.default_rng(bits)
    weights = rng.integers(-(2**bits), 2**bits, (3, 5))
    weights[0] = 2**bits - 1
    graph = dense(weights, -(2**bits), 2**bits)
    x = rng.integers(-(2**bits), 2**bits + 1, (7, 5))
    x[0] = 2**bits
    assert run(graph, {"x": x})["y"].tolist() == (x.astype(object) @ weights.T.astype(object)).tolist()


def test_results_are_int64_where_the_interval_fits_and_python_integers_beyond() -> None:
    small, large = dense([[2**40]], -5, 5), dense([[2**62]], -5, 5)
    assert run(small, {"x": np.array([[5]])})["y"].dtype == np.int64
    assert run(large, {"x": np.array([[5]])})["y"].dtype == object
    back = (
        Step(name="s", inputs=("v",), curves=(Cuts(0, as_objects([2**62, 2**64])),)),
        Output(name="z", inputs=("s",)),
    )
    whole = verify(Graph((*large.nodes[:-1], *back)))
    result = run(whole, {"x": np.array([[-5], [0], [1], [3], [4], [5]])})["z"]
    assert result.dtype == np.int64
    assert result[:, 0].tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("factor", [2**31, 2**61, 2**62, 2**63, 2**80])
def test_sums_of_scaled_values_do_not_wrap(factor: int) -> None:
    x = Input(name="x", shape=(2,), lo=frozen_ints(-4), hi=frozen_ints(3))
    node = Add(name="v", inputs=("x", "x"), coefficients=(frozen_ints(as_objects([factor, -factor])), frozen_ints(-1)))
    graph = verify(Graph((x, node, Output(name="y", inputs=("v",)))))
    assert run(graph, {"x": np.array([[-4, 3]])})["y"].tolist() == [[-4 * factor + 4, -3 * factor - 3]]


def test_a_huge_coefficient_of_a_value_that_is_always_zero() -> None:
    x = Input(name="x", shape=(1,), lo=frozen_ints(0), hi=frozen_ints(0))
    node = Add(name="v", inputs=("x",), coefficients=(frozen_ints(as_objects([2**99])),))
    graph = verify(Graph((x, node, Output(name="y", inputs=("v",)))))
    assert run(graph, {"x": np.array([[0]])})["y"].tolist() == [[0]]


def test_a_difference_that_cancels_does_not_wrap_on_its_way() -> None:
    x = Input(name="x", shape=(1,), lo=frozen_ints(2**62), hi=frozen_ints(2**62 + 1))
    node = Add(name="v", inputs=("x", "x"), coefficients=(frozen_ints(8), frozen_ints(-8)))
    graph = verify(Graph((x, node, Output(name="y", inputs=("v",)))))
    assert run(graph, {"x": np.array([[2**62 + 1]])})["y"].tolist() == [[0]]


@pytest.mark.parametrize("base", [0, 2**24, 2**53, 2**63 - 3, 2**63, -(2**63) - 3, 2**90])
@pytest.mark.parametrize(
    "curve",
    [
        lambda base: Cuts(0, as_objects([base + 1, base + 2, base + 4])),
        lambda base: Rounded(Fraction(1, 2), Fraction(1 - base, 2), Rounding.HALF_UP, 0, 3),
        lambda base: MultiplyShift(3, 1 - 3 * base, 2, 0, 3),
    ],
    ids=["cuts", "rounded", "multiply-shift"],
)
def test_steps_far_from_zero(curve: Any, base: int) -> None:
    f = curve(base)
    for width in (5, 2**21):
        x = Input(name="x", shape=(1,), lo=frozen_ints(as_objects([base])), hi=frozen_ints(as_objects([base + width])))
        graph = verify(Graph((x, Step(name="v", inputs=("x",), curves=(f,)), Output(name="y", inputs=("v",)))))
        samples = as_objects([[base + i] for i in range(6)])
        assert run(graph, {"x": samples})["y"].tolist() == [[f.at(base + i)] for i in range(6)]


def test_a_multiply_shift_that_does_not_fit_64_bits() -> None:
    curves = (MultiplyShift(2**40 + 1, 2**70, 42, 0, 2**31), MultiplyShift(2**40 - 1, 3, 42, 0, 2**31))
    x = Input(name="x", shape=(2,), lo=frozen_ints(0), hi=frozen_ints(2**31))
    graph = verify(Graph((x, Step(name="v", inputs=("x",), curves=curves), Output(name="y", inputs=("v",)))))
    samples = np.array([[2**31, 2**31], [0, 12345], [2**31 - 1, 7]])
    wanted = [[f.at(int(v)) for f, v in zip(curves, row, strict=True)] for row in samples]
    assert run(graph, {"x": samples})["y"].tolist() == wanted


def test_products_per_group() -> None:
    product = ExactProduct(np.array([[[1, 2]], [[3, -4]]]), 9)
    assert product(np.array([[[5], [6]], [[7], [8]]])).tolist() == [[[17]], [[-11]]]


@pytest.mark.parametrize("kernel", [(), (2,), (2, 1)])
def test_weights_that_do_not_stay_cached_take_positions_as_columns(
    kernel: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rank, rng = len(kernel), np.random.default_rng(0)
    x = Input(name="x", shape=(*(5, 4)[:rank], 6), lo=frozen_ints(-9), hi=frozen_ints(9))
    w = Const(name="w", value=frozen_ints(rng.integers(-9, 10, (8, *kernel, 3))))
    node = Linear(name="v", inputs=("x", "w"), strides=(1,) * rank, dilations=(1,) * rank, groups=2)
    graph = verify(Graph((x, w, node, Output(name="y", inputs=("v",)))))
    samples = {"x": rng.integers(-9, 10, (3, *x.shape))}
    wanted = run(graph, samples)["y"]
    monkeypatch.setattr(matmul, "_CACHED_WEIGHTS", 0)
    for block in (1, 100, 1 << 20):
        monkeypatch.setattr(matmul, "_BLOCK_ELEMENTS", block)
        assert run(graph, samples)["y"].tolist() == wanted.tolist()


@given(
    m=st.integers(1, 2**20), k=st.integers(0, 40), c=st.integers(-(2**40), 2**40), levels=st.integers(0, 300),
    bottom=st.integers(-300, 300), reach=st.integers(1, 2**15), start=st.integers(-(2**24), 2**24),
)  # fmt: skip
def test_a_multiply_shift_in_rounded_floats_is_exact_everywhere(
    m: int, k: int, c: int, levels: int, bottom: int, reach: int, start: int
) -> None:
    lo = min(start, 2**24 - reach)
    curves = (
        MultiplyShift(m, c - m * lo, k, bottom, bottom + levels),
        MultiplyShift(m + 1, c - m * lo, k, bottom, bottom + levels // 2),
    )
    domain = np.arange(lo, lo + reach + 1)
    kind = ValueType((2,), frozen_ints(lo), frozen_ints(lo + reach))
    made = StepFunction(curves, kind, np.float32)(np.stack([domain, domain]).astype(np.float32))
    assert [np.array_equal(row, curve(domain)) for row, curve in zip(made, curves, strict=True)] == [True, True]


def test_rounded_floats_are_used_where_cuts_leave_room_and_refused_where_not() -> None:
    kind = ValueType((1,), frozen_ints(-36304), frozen_ints(36371))
    roomy = StepFunction([MultiplyShift(178501, 1 << 25, 26, 0, 63)], kind, np.float32)
    assert roomy(np.zeros((1, 1), np.float32)).dtype == np.float32
    assert roomy.operand is np.float32
    wide = ValueType((1,), frozen_ints(-(2**23)), frozen_ints(2**23))
    tight = StepFunction([MultiplyShift(2**13 + 1, 0, 26, -1024, 1023)], wide, np.float32)
    assert tight.operand is np.float64


def way_of(f: StepFunction) -> tuple[str, Any]:
    """How a step is evaluated, and in what."""
    kind = "product" if f.scaled is not None else "table" if f.table is not None else "curves"
    return kind, f.operand


FAR = 2**63 + 5
WAYS: dict[tuple[str, Any, Any], tuple[int, int, list[Curve]]] = {
    # the way, its operand, the working dtype of x: the interval, the curves
    ("product", np.float32, np.float32): (-36304, 36371, [MultiplyShift(178501, 1 << 25, 26, 0, 63)]),
    ("product", np.float64, np.float32): (-(2**23), 2**23, [MultiplyShift(2**13 + 1, 0, 26, -1024, 1023)]),
    ("product", np.float64, np.int64): (-(2**30), 2**30, [MultiplyShift(2**13 + 1, 5, 33, -(2**10), 2**10)]),
    ("product", np.int64, np.float32): (-(2**24), 2**24, [MultiplyShift(2**30 + 1, 7, 39, -(2**15), 2**15 - 1)]),
    ("product", np.int64, np.int64): (-(2**31), 2**31, [MultiplyShift(2**29 + 1, 7, 45, -(2**15), 2**15 - 1)]),
    ("table", np.int64, np.float32): (-99, 99, [Cuts(0, [-3, 4]), MultiplyShift(3, 1, 2, -9, 9)]),
    ("table", np.int64, np.int64): (2**40, 2**40 + 9, [Cuts(0, [2**40 + 3])]),
    ("table", np.object_, np.object_): (FAR, FAR + 9, [Cuts(0, as_objects([FAR + 3]))]),
    ("curves", np.int64, np.float32): (-(2**24), 2**24, [Cuts(0, [3, 2**23]), Cuts(1, [-(2**24) + 1, 0])]),
    ("curves", np.int64, np.int64): (-(2**40), 2**40, [MultiplyShift(2**50, 0, 60, -(2**20), 2**20)]),
    ("curves", np.object_, np.object_): (-FAR, FAR, [Cuts(0, as_objects([-FAR + 1, 0, FAR]))]),
}


@pytest.mark.parametrize("way", WAYS, ids=lambda w: f"{w[0]} in {w[1].__name__} of {w[2].__name__}")
@pytest.mark.parametrize("levels", ["few", "many"])
def test_every_way_to_evaluate_a_step_takes_every_operand(way: Any, levels: str) -> None:
    """Values of the type's own working dtype, of int64 and of Python integers, at the ends and around every cut."""
    lo, hi, curves = WAYS[way]
    if levels == "many":  # a result that float32 does not hold
        curves = [c if isinstance(c, MultiplyShift) else Cuts(c.start + 2**40, c.cuts()) for c in curves]
    kind = ValueType((len(curves),), frozen_ints(as_objects([lo])), frozen_ints(as_objects([hi])))
    made = StepFunction(curves, kind, working_dtype(ValueType.of(kind.shape, *ends(curves, lo, hi))))
    assert way_of(made) == way[:2]
    assert np.dtype(working_dtype(kind)).type is way[2]
    near = {int(t) + d for c in curves for t in c.cuts()[:: max(1, c.levels // 50)] for d in (-1, 0)}
    points = sorted({lo, hi, *(x for x in near if lo <= x <= hi)})
    wanted = [[c.at(x) for x in points] for c in curves]
    for dtype in {way[2], np.object_, np.int64 if way[2] is not np.object_ else np.object_}:
        x = as_objects([points] * len(curves)).astype(dtype)
        assert [[int(v) for v in row] for row in made(x)] == wanted, dtype


@pytest.mark.parametrize("rounding", list(Rounding))
def test_generators_of_many_elements_are_products_that_are_exact_at_every_cut(rounding: Rounding) -> None:
    odd = Fraction(2**60 + 1, 3 * 2**70)
    curves = [Rounded(odd * m, Fraction(m, 7), rounding, lo, 99) for m, lo in ((1, -99), (13, -99), (2**10, 0))]
    reach = 2**20
    kind = ValueType((3,), frozen_ints(-reach), frozen_ints(reach))
    made = StepFunction(curves, kind, np.float32)
    near = [int(t) + d for c in curves for t in c.cuts() for d in (-1, 0) if abs(t) < reach]
    few = np.array([[-reach, *near, reach]] * 3)
    wanted = np.stack([c(row) for c, row in zip(curves, few, strict=True)])
    assert np.array_equal(made(few), wanted) and way_of(made) == ("curves", np.int64)
    many = np.tile(few, -(-(1 << 13) // few.shape[1]))
    assert np.array_equal(made(many)[:, : few.shape[1]], wanted)
    bent = rounding in (Rounding.UP, Rounding.DOWN, Rounding.ROUND_TO_ZERO)  # at zero: no line's floor
    assert way_of(made) == (("curves", np.int64) if bent else ("product", np.float64))
    tall = StepFunction([Rounded(Fraction(1, 3), Fraction(0), rounding, -(2**14), 2**14)], kind, np.float32)
    tall(many[:1])
    assert way_of(tall) == ("curves", np.int64), "so many levels are not proven one by one"


def ends(curves: Any, lo: int, hi: int) -> tuple[int, int]:
    """The least and the greatest value of all curves."""
    found = [c.interval_on(lo, hi) for c in curves]
    return min(f[0] for f in found), max(f[1] for f in found)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("reach", [2**14, 2**21, 2**24, 2**24 + 1, 2**26, 2**40])
@pytest.mark.parametrize("m_bits", [1, 9, 20, 31])
def test_wide_accumulators_with_many_levels(bits: int, reach: int, m_bits: int) -> None:
    """Two working dtypes meet in one product: that of the accumulator, and that of its multiple."""
    half = 1 << bits - 1
    m = (1 << m_bits) - 1
    k = max(0, (m * reach // half).bit_length())
    curves = [MultiplyShift(m, n << k >> 2, k, -half, half - 1) for n in range(3)]
    x = Input(name="x", shape=(3,), lo=frozen_ints(-reach), hi=frozen_ints(reach))
    graph = verify(Graph((x, Step(name="v", inputs=("x",), curves=tuple(curves)), Output(name="y", inputs=("v",)))))
    points = [-reach, 1 - reach, -1, 0, 1, reach // 3, reach - 1, reach]
    wanted = [[c.at(p) for c in curves] for p in points]
    assert run(graph, {"x": np.array(points).reshape(-1, 1).repeat(3, 1)})["y"].tolist() == wanted


# ------------------------------------------------------------------------------------------------------- refusals

GRAPH = verify(
    Graph(
        (
            Input(name="x", shape=(2,), lo=frozen_ints([-8, 0]), hi=frozen_ints(7)),
            Input(name="p", shape=(1,), lo=frozen_ints(0), hi=frozen_ints(1)),
            Select(name="s", inputs=("x",)),
            Output(name="y", inputs=("s",)),
        )
    )
)
GOOD = {"x": np.array([[-8, 7]]), "p": np.array([[1]])}


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64, object])
def test_integers_of_any_type_are_taken(dtype: Any) -> None:
    inputs = {"x": np.array([[3, 7]], dtype=dtype), "p": np.array([[1]], dtype=dtype)}
    assert run(GRAPH, inputs)["y"].tolist() == [[1]]


REFUSED: dict[str, dict[str, Any]] = {
    "missing": {"p": np.array([[1]])},
    "floats": {**GOOD, "x": np.array([[1.0, 2.0]])},
    "floats as objects": {**GOOD, "x": np.array([[1.5, 2]], dtype=object)},
    "text": {**GOOD, "x": np.array([["1", "2"]])},
    "without a batch": {**GOOD, "x": np.array([1, 2])},
    "too long": {**GOOD, "x": np.array([[1, 2, 3]])},
    "too many axes": {**GOOD, "x": np.array([[[1, 2]]])},
    "below": {**GOOD, "x": np.array([[-9, 0]])},
    "above": {**GOOD, "x": np.array([[0, 8]])},
    "below its own channel": {**GOOD, "x": np.array([[0, -1]])},
    "beyond int64": {**GOOD, "x": np.array([[0, 2**64 - 1]], dtype=np.uint64)},
    "far beyond": {**GOOD, "x": np.array([[0, 2**99]], dtype=object)},
    "different numbers of samples": {"x": np.zeros((2, 2), int), "p": np.zeros((3, 1), int)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_inputs_that_do_not_fit(name: str) -> None:
    with pytest.raises(IsobitError) as caught:
        Evaluator(GRAPH).run(REFUSED[name])
    assert caught.value.code == "E607"


def test_the_first_element_outside_is_named() -> None:
    with pytest.raises(IsobitError, match=r"x\[1, 0\] = 9"):
        run(GRAPH, {"x": np.array([[1, 1], [9, 9]]), "p": np.zeros((2, 1), int)})


# ----------------------------------------------------------------------------------------------------------- host

RAW = Input(
    name="x", shape=(3, 2), lo=frozen_ints(-8), hi=frozen_ints(7), outside="in", outside_shape=(2, 3),
    host=(HostOp("sub", (0.5,), (1,)), HostOp("transpose", shape=(1, 0))),
    quantiser=Quantiser((0.25, 0.5), (0.0, 1.0), "ROUND", -8, 7),
)  # fmt: skip


def test_quantise_runs_the_host_operations_and_refuses_flat_vectors() -> None:
    x = np.array([[[0.5, 0.75, 9.0], [0.5, 1.5, -9.0]]], np.float32)
    wanted = [[[0, 1], [1, 3], [7, -8]]]
    assert quantise(RAW, x).tolist() == wanted
    with pytest.raises(IsobitError, match=r"takes samples of shape \(batch, 2, 3\), not \(1, 6\)") as caught:
        quantise(RAW, x.reshape(1, 6))
    assert "x.reshape(-1, 2, 3)" in caught.value.hint


@pytest.mark.parametrize("x", [np.zeros((1, 5)), np.full((1, 2, 3), np.nan), np.zeros(()), np.zeros((2, 3))])
def test_quantise_refuses(x: Any) -> None:
    with pytest.raises(IsobitError) as caught:
        quantise(RAW, x)
    assert caught.value.code == "E607"


def test_integer_inputs_go_out_and_come_back() -> None:
    node = Input(
        name="x", shape=(3, 2), lo=frozen_ints(0), hi=frozen_ints(255), scale=(Fraction(1, 255),), outside="in",
        outside_shape=(2, 3), host=(HostOp("transpose", shape=(1, 0)),),
    )  # fmt: skip
    integers = np.arange(250, 256).reshape(1, 3, 2)
    floats = real_input(node, integers)
    assert floats.shape == (1, 2, 3)
    assert quantise(node, floats).tolist() == integers.tolist()
    with pytest.raises(IsobitError, match="not an integer times"):
        quantise(node, floats + np.float32(0.4 / 255))


def test_quantise_is_the_same_in_every_chunk() -> None:
    lo, hi = -(2**15), 2**15 - 1
    node = Input(
        name="x", shape=(16, 8, 3), lo=frozen_ints(lo), hi=frozen_ints(hi), outside="in", outside_shape=(3, 16, 8),
        host=(HostOp("transpose", shape=(1, 2, 0)),), quantiser=Quantiser((0.5,), (0.0,), "ROUND", lo, hi),
    )  # fmt: skip
    x = np.random.default_rng(0).uniform(-20000, 20000, (500, 3, 16, 8)).astype(np.float32)
    made = quantise(node, x)
    assert made.dtype == np.int64
    assert np.array_equal(made, np.clip(np.round(x * 2), lo, hi).transpose(0, 2, 3, 1))
    assert quantise(node, x[:0]).shape == (0, 16, 8, 3)
    x[499, 2, 15, 7] = np.nan
    with pytest.raises(IsobitError, match="hold NaN"):
        quantise(node, x)


def test_dequantise_scales_and_runs_the_host_operations() -> None:
    node = Output(
        name="y", scale=(Fraction(1, 4), Fraction(1, 2)), offset=(Fraction(1),), outside_shape=(2,),
        host=(HostOp("clip", (-1.0, 2.0)), HostOp("mul", (2.0,), (1,)), HostOp("reshape", shape=(2, 1))),
    )  # fmt: skip
    assert dequantise(node, np.array([[-100, 1]])).tolist() == [[[-2.0], [3.0]]]
