"""Every operation against plain loops over Python integers."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isobit.interp import Evaluator, depthwise, run, steps
from isobit.interp.filtered import FilteredStep
from isobit.interp.reference import evaluate
from isobit.ir import Graph, Node, frozen_ints, verify
from isobit.ir.ops import Add, Concat, Const, Input, Linear, MaxPool, Output, Pad, Reindex, Select, Step, Table
from isobit.numerics import Curve, Cuts, MultiplyShift, Rounded, Rounding
from tests.ir.random_graphs import graphs, random_inputs


def assert_as_reference(graph: Graph, inputs: dict[str, np.ndarray]) -> None:
    """Every value of every sample, by name and position."""
    values = run(graph, inputs, taps=True)
    for sample in range(len(next(iter(inputs.values())))):
        wanted = evaluate(graph, {name: array[sample] for name, array in inputs.items()})
        for name, array in values.items():
            assert array.shape[1:] == graph.types[name].shape
            assert array[sample].tolist() == wanted[name].tolist(), (name, sample)


def check(*nodes: Node, seed: int = 0, count: int = 5) -> Graph:
    """Random inputs through a graph whose last node is its output."""
    graph = verify(Graph((*nodes, Output(name="y", inputs=(nodes[-1].name,)))))
    assert_as_reference(graph, random_inputs(graph, Random(seed), count))
    return graph


def given_input(*shape: int, lo: object = -9, hi: object = 9, name: str = "x") -> Input:
    return Input(name=name, shape=shape, lo=frozen_ints(lo), hi=frozen_ints(hi))


def weights(*shape: int, seed: int = 0) -> Const:
    return Const(name="w", value=frozen_ints(np.random.default_rng(seed).integers(-9, 9, shape)))


@given(graphs, st.randoms(use_true_random=False))
def test_random_graphs(graph: Graph, rng: Random) -> None:
    assert_as_reference(graph, random_inputs(graph, rng, 3))


@pytest.mark.parametrize(
    "value", [0, 1 << 24, (1 << 24) + 1, -(1 << 53) - 1, (1 << 63) - 1, -(1 << 63), 1 << 63, -(1 << 90)]
)
def test_a_border_is_itself_however_narrow_what_it_surrounds(value: int) -> None:
    check(given_input(3, 2), Pad(name="v", inputs=("x",), before=(1,), after=(2,), value=value))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_dense(shape: tuple[int, ...], groups: int) -> None:
    check(given_input(*shape), weights(8, 4 // groups), Linear(name="v", inputs=("x", "w"), groups=groups))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_convolution_along_one_axis(groups: int, stride: int, dilation: int) -> None:
    node = Linear(name="v", inputs=("x", "w"), strides=(stride,), dilations=(dilation,), groups=groups)
    check(given_input(9, 4), weights(4, 3, 4 // groups), node)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize("dilations", [(1, 1), (1, 2), (3, 1)])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (3, 2)])
def test_convolution_over_two_axes(
    groups: int, strides: tuple[int, int], dilations: tuple[int, int], kernel: tuple[int, int]
) -> None:
    node = Linear(name="v", inputs=("x", "w"), strides=strides, dilations=dilations, groups=groups)
    check(given_input(7, 6, 4), weights(4, *kernel, 4 // groups), node, count=2)


@pytest.mark.parametrize("reach", [9, 1 << 20, 1 << 48, 1 << 60])  # float32, float64, int64, Python's integers
@pytest.mark.parametrize(("block", "cached"), [(1, 0), (40, 0), (40, 1 << 17), (1 << 15, 1 << 17)])
@pytest.mark.parametrize("kernel", [(3,), (2, 3), (2, 1, 2)])
def test_depthwise_in_blocks_of_rows(
    kernel: tuple[int, ...], block: int, cached: int, reach: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depthwise, "_BLOCK_ELEMENTS", block)
    monkeypatch.setattr(depthwise, "_CACHED_WEIGHTS", cached)
    rank = len(kernel)
    node = Linear(name="v", inputs=("x", "w"), strides=(1, 2, 1)[:rank], dilations=(2, 1, 1)[:rank], groups=4)
    graph = check(given_input(*(7, 5, 4)[:rank], 4, lo=-reach, hi=reach), weights(4, *kernel, 1), node, count=3)
    evaluator = Evaluator(graph)
    for count in (3, 1, 2):  # what was spread over one batch is not used for another
        (x,) = random_inputs(graph, Random(count), count).values()
        assert evaluator.run({"x": x})["y"].tolist() == run(graph, {"x": x})["y"].tolist()


def test_steps_and_sums_of_channels_over_batches_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_BLOCK_ELEMENTS", 10)
    curves = tuple(MultiplyShift(2**13 + i, 5, 20, 0, 200 + i) for i in range(3))
    x = given_input(4, 3, lo=-20000, hi=20000)
    total = Add(name="a", inputs=("x", "x"), coefficients=(frozen_ints([1, 2, 3]), frozen_ints([2, 1, 5])))
    graph = check(x, total, Step(name="v", inputs=("a",), curves=curves))
    evaluator = Evaluator(graph)
    for count in (5, 1, 40):
        inputs = random_inputs(graph, Random(count), count)
        assert evaluator.run(inputs)["y"].tolist() == run(graph, inputs)["y"].tolist()


def fine_step(curves: tuple[Curve, ...], coefficients: tuple[object, ...], reach: int = 2**15) -> Evaluator:
    """A step of the sum of two operands; what it makes without taps is the reference's."""
    nodes = [given_input(40, 3, lo=-reach, hi=reach, name=name) for name in "xz"]
    total = Add(name="a", inputs=("x", "z"), coefficients=tuple(map(frozen_ints, coefficients)))
    graph = check(*nodes, total, Step(name="v", inputs=("a",), curves=curves), count=4)
    evaluator, inputs = Evaluator(graph), random_inputs(graph, Random(1), 30)
    assert evaluator.run(inputs)["y"].tolist() == run(graph, inputs, taps=True)["y"].tolist()
    return evaluator


def fused(evaluator: Evaluator) -> list[FilteredStep]:
    return [s.function for s in evaluator._fast if isinstance(s.function, FilteredStep)]


FINE = 2**62 + 12345
ROUNDINGS = [Rounding.ROUND, Rounding.HALF_UP, Rounding.HALF_DOWN, Rounding.FLOOR, Rounding.CEIL]


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_a_step_of_a_sum_beyond_64_bits_is_decided_in_float64_where_it_can_be(rounding: Rounding) -> None:
    curves = tuple(Rounded(Fraction(i + 1, 2**65), Fraction(1, 3), rounding, -3000, 3000) for i in range(3))
    assert fused(fine_step(curves, (FINE, [-(2**63) + 1, 2**61 - 7, 5])))
    assert fused(fine_step((MultiplyShift(3, 11, 70, -(2**15), 2**15),), (FINE, [1, 2, 3])))


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_what_float64_cannot_see_is_decided_exactly(rounding: Rounding) -> None:
    """Every sum lies at an edge, or beside it by far less than float64 holds."""
    (half,) = fused(fine_step((Rounded(Fraction(1, 2**63), Fraction(0), rounding, -99, 99),), (2**62, 1), 50))
    (whole,) = fused(fine_step((MultiplyShift(1, 0, 62, -99, 99),), (2**62, 1), 50))
    below = np.array([[[3]]]), np.array([[[-1]]])  # 1.5 less 2^-63; 3 less 2^-62
    assert half(*below).item() == (2 if rounding is Rounding.CEIL else 1) and whole(*below).item() == 2


def test_sums_that_a_float_does_not_decide_stay_as_they_are() -> None:
    """Roundings by sign, cuts, lines that are off by whole levels, operands beyond float64."""
    away = Rounded(Fraction(1, 2**65), Fraction(0), Rounding.UP, -99, 99)
    steep = Rounded(Fraction(1, 3), Fraction(0), Rounding.FLOOR, -(2**15), 2**15)
    flat = Rounded(Fraction(1, 2**65), Fraction(0), Rounding.FLOOR, -99, 99)
    for curve, reach in ((away, 2**15), (steep, 2**15), (Cuts(0, [2**70]), 2**15), (flat, 2**60)):
        assert not fused(fine_step((curve,), (FINE, 7), reach))


def test_sum_pooling_is_a_depthwise_linear_of_ones() -> None:
    ones = Const(name="w", value=frozen_ints(np.ones((3, 2, 2, 1), int)))
    graph = check(
        given_input(4, 4, 3), ones, Linear(name="v", inputs=("x", "w"), strides=(2, 2), dilations=(1, 1), groups=3)
    )
    x = np.arange(48).reshape(1, 4, 4, 3) % 9
    pooled = x.reshape(1, 2, 2, 2, 2, 3).sum(axis=(2, 4))
    assert run(graph, {"x": x})["y"].tolist() == pooled.tolist()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kernel", [(), (2,), (2, 2)])
def test_weights_given_at_run_time(kernel: tuple[int, ...], groups: int) -> None:
    rank = len(kernel)
    node = Linear(name="v", inputs=("x", "w"), strides=(1,) * rank, dilations=(2,) * rank, groups=groups)
    check(given_input(*(4,) * rank, 4), given_input(2, *kernel, 4 // groups, name="w", lo=-5, hi=7), node)


@pytest.mark.parametrize("shapes", [((4,), (4,)), ((3, 4), (4,)), ((2, 3, 4), (3, 1)), ((2, 1), (4,)), ((1,), (2, 3))])
@pytest.mark.parametrize("constant", [False, True])
def test_add_broadcasts_within_each_sample(shapes: tuple[tuple[int, ...], tuple[int, ...]], constant: bool) -> None:
    left, right = shapes
    channels = max(left[-1], right[-1])
    second = weights(*right) if constant else given_input(*right, name="w")
    coefficients = (frozen_ints(np.arange(channels) - 1), frozen_ints(-3))
    check(given_input(*left), second, Add(name="v", inputs=("x", "w"), coefficients=coefficients), count=len(left) + 3)


def test_add_of_one_and_of_three() -> None:
    one = frozen_ints([-1, 2])
    check(given_input(2), Add(name="v", inputs=("x",), coefficients=(one,)))
    check(given_input(2), Add(name="v", inputs=("x", "x", "x"), coefficients=(one, one, frozen_ints(5))))


CURVES: dict[str, Curve] = {
    "cuts": Cuts(-2, [-7, -3, -3, 0, 8]),
    "constant": Cuts(3, []),
    "rounded": Rounded(Fraction(5, 7), Fraction(-1, 3), Rounding.HALF_DOWN, -4, 5),
    "multiply-shift": MultiplyShift(11, -40, 4, -3, 6),
}


@pytest.mark.parametrize("reach", [9, 2**20, 2**40])
@pytest.mark.parametrize("form", [*CURVES, "one per channel", "multiply-shifts", "multiply-shifts of several shifts"])
def test_step_in_every_form_and_evaluation(form: str, reach: int) -> None:
    # a short interval is tabulated, a long one computed
    several = {
        "one per channel": tuple(CURVES.values()),
        "multiply-shifts": tuple(MultiplyShift(m, m - 5, 3, -m, m) for m in (1, 7, 8, 30)),
        "multiply-shifts of several shifts": tuple(MultiplyShift(9, 0, k, -k, 9) for k in (0, 1, 2, 30)),
    }
    curves = several.get(form) or (CURVES[form],)
    check(given_input(3, 4, lo=-reach, hi=reach), Step(name="v", inputs=("x",), curves=curves), count=20)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("first", [-9, [-9, -9]])
def test_table(rows: int, first: object) -> None:
    values = frozen_ints(np.random.default_rng(1).integers(-99, 99, (rows, 19)))
    check(given_input(3, 2), Table(name="v", inputs=("x",), lo=frozen_ints(first), values=values), count=20)


@pytest.mark.parametrize("strides", [(1, 1), (2, 3), (3, 2), (3, 3)])
@pytest.mark.parametrize("dilations", [(1, 1), (2, 1), (1, 4)])
def test_maxpool(strides: tuple[int, int], dilations: tuple[int, int]) -> None:
    check(
        given_input(6, 7, 2, lo=-9, hi=-1),
        MaxPool(name="v", inputs=("x",), kernel=(3, 2), strides=strides, dilations=dilations),
    )


@pytest.mark.parametrize("value", [0, -50])
def test_pad(value: int) -> None:
    check(given_input(2, 3, 2), Pad(name="v", inputs=("x",), before=(1, 0), after=(2, 3), value=value))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("constant", [False, True])
def test_concat(axis: int, constant: bool) -> None:
    shape = [2, 3, 4]
    shape[axis] = 5
    second = weights(*shape) if constant else given_input(*shape, name="w")
    check(given_input(2, 3, 4), second, Concat(name="v", inputs=("x", "w", "x"), axis=axis))


def test_reindex_transposes_slices_and_repeats() -> None:
    order = np.arange(12).reshape(2, 3, 2)
    for index in (order.transpose(1, 2, 0), order[:, ::2], order.repeat(2, axis=0), order.reshape(12), order[:1, 0]):
        check(given_input(2, 3, 2), Reindex(name="v", inputs=("x",), index=frozen_ints(index)))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_select_takes_the_lower_index_of_equals(k: int) -> None:
    graph = check(given_input(3, 5, lo=0, hi=1), Select(name="v", inputs=("x",), k=k), count=30)
    assert run(graph, {"x": np.ones((1, 3, 5), int)})["y"][0, 0].tolist() == list(range(k))


def test_select_at_the_ends_of_int64() -> None:
    ends = [-(2**63), 2**63 - 1, -(2**63), 0]
    graph = check(given_input(4, lo=-(2**63), hi=2**63 - 1), Select(name="v", inputs=("x",), k=4))
    assert run(graph, {"x": np.array([ends])})["y"].tolist() == [[1, 3, 0, 2]]


def test_taps_hold_every_value_but_constants() -> None:
    graph = check(given_input(4), weights(2, 4), Linear(name="v", inputs=("x", "w")))
    assert list(run(graph, {"x": np.zeros((1, 4), int)}, taps=True)) == ["x", "v", "y"]
    assert list(run(graph, {"x": np.zeros((1, 4), int)})) == ["y"]


def test_an_output_of_a_constant_has_every_sample() -> None:
    output = Output(name="y", inputs=("w",))
    graph = verify(Graph((given_input(1), weights(2, 3), output)))
    assert run(graph, {"x": np.zeros((4, 1), int)})["y"].shape == (4, 2, 3)


def test_long_batches_run_in_chunks() -> None:
    node = Linear(name="v", inputs=("x", "w"))
    graph = verify(Graph((given_input(400), weights(3, 400), node, Output(name="y", inputs=("v",)))))
    x = np.random.default_rng(0).integers(-9, 10, (3000, 400))
    evaluator = Evaluator(graph)
    assert evaluator._batch < len(x)
    assert np.array_equal(evaluator.run({"x": x})["y"], x @ graph.by_name["w"].value.T)  # type: ignore[attr-defined]


@pytest.mark.parametrize("run_time", [False, True])
def test_no_samples(run_time: bool) -> None:
    second = given_input(3, 4, name="w") if run_time else weights(3, 4)
    node = Linear(name="v", inputs=("x", "w"))
    graph = verify(Graph((given_input(4), second, node, Output(name="y", inputs=("v",)))))
    empty = {n.name: np.zeros((0, *n.shape), int) for n in graph.inputs}
    assert run(graph, empty)["y"].shape == (0, 3)
