"""What hls4ml's kernels cannot express is refused with a code, where it is and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hls4ml.backends import get_backend

from isobit.backends.hls4ml.backend import HLS4ML
from isobit.backends.hls4ml.design import IoType
from isobit.backends.hls4ml.plan import LayerRequest, Request, resource_factors, valid_reuse
from isobit.backends.hls4ml.steps import step_body
from isobit.backends.hls4ml.windows import weight_type
from isobit.backends.ports import IntType
from isobit.errors import IsobitError
from isobit.hardware import load_board
from isobit.ir import Graph, frozen_ints, verify
from isobit.ir.ops import Add, Concat, Const, Input, Linear, MaxPool, Node, Output, Step
from isobit.numerics import Cuts

BOARD = load_board("pynq-z1")


def graph(*nodes: Node, shape: tuple[int, ...] = (4,), hi: int = 7) -> Graph:
    """The nodes behind an input ``x``; the last one is the output."""
    first = Input(name="x", shape=shape, lo=frozen_ints(0), hi=frozen_ints(hi))
    return verify(Graph((first, *nodes, Output(name="y", inputs=(nodes[-1].name,)))))


def lowered(made: Graph, request: Request | None = None) -> Any:
    request = request or Request()
    return HLS4ML.lower(made, HLS4ML.plan(made, BOARD, request), request)


def refused(made: Graph, request: Request | None = None) -> IsobitError:
    with pytest.raises(IsobitError) as error:
        lowered(made, request)
    return error.value


def convolution(kernel: tuple[int, int], strides: tuple[int, int] = (1, 1), out: int = 4, groups: int = 1) -> Graph:
    weights = Const(name="w", value=frozen_ints(np.ones((out, *kernel, 4 // groups), dtype=np.int64)))
    node = Linear(name="conv", inputs=("x", "w"), strides=strides, dilations=(1, 1), groups=groups)
    return graph(weights, node, shape=(6, 6, 4))


def pool(kernel: int, stride: int) -> Graph:
    node = MaxPool(name="pool", inputs=("x",), kernel=(kernel,) * 2, strides=(stride,) * 2, dilations=(1, 1))
    return graph(node, shape=(8, 8, 2))


def dense(weights: Any) -> Graph:
    return graph(Const(name="w", value=frozen_ints(weights)), Linear(name="fc", inputs=("x", "w")))


def run_time_weights() -> Graph:
    given = Input(name="w", shape=(2, 4), lo=frozen_ints(-1), hi=frozen_ints(1))
    return graph(given, Linear(name="fc", inputs=("x", "w")))


def varying_constant() -> Graph:
    constant = Const(name="c", value=frozen_ints(np.arange(12).reshape(3, 4)))
    ones = (frozen_ints(1), frozen_ints(1))
    return graph(constant, Add(name="sum", inputs=("x", "c"), coefficients=ones), shape=(3, 4))


def constant_part() -> Graph:
    constant = Const(name="c", value=frozen_ints([1, 2]))
    return graph(constant, Concat(name="both", inputs=("x", "c"), axis=0))


def constant_sum() -> Graph:
    constant = Const(name="c", value=frozen_ints([1, 2]))
    return graph(constant, Add(name="sum", inputs=("c",), coefficients=(frozen_ints(1),)))


CASES: list[tuple[Callable[[], Graph], IoType, str, str]] = [
    (run_time_weights, "io_parallel", "fc", "no weights at run time"),
    (lambda: dense(np.array([[1 << 60, 1, 1, 1]])), "io_parallel", "fc", "double precision"),
    (varying_constant, "io_parallel", "sum", "varies by position"),
    (constant_part, "io_parallel", "both", "the constant c"),
    (constant_sum, "io_parallel", "sum", "makes a constant"),
]


@pytest.mark.parametrize(("make", "io_type", "where", "why"), CASES)
def test_refused_where_it_is(make: Callable[[], Graph], io_type: IoType, where: str, why: str) -> None:
    error = refused(make(), Request(io_type=io_type))
    assert (error.code, error.where) == ("E504", where) and why in str(error)


def test_a_pool_of_one_window_streams_whatever_its_stride() -> None:
    assert lowered(pool(8, 1), Request(io_type="io_stream")).layers[1].attributes["stride_height"] == 8


@pytest.mark.parametrize(
    ("layer", "asked"),
    [
        ("fc", LayerRequest("Resource", 3)),
        ("fc", LayerRequest(reuse=99)),
        ("fc", LayerRequest(reuse=0)),
        ("fc", LayerRequest(implementation="lookup")),
        ("nobody", LayerRequest()),
    ],
)
def test_a_plan_that_cannot_be(layer: str, asked: LayerRequest) -> None:
    made = dense(np.ones((2, 4), dtype=np.int64))
    error = refused(made, Request(layers={layer: asked}))
    assert error.code == "E503" and error.hint and (error.where == "fc" or "nobody" in error.message)


@pytest.mark.parametrize("request_", [Request(io_type="io_serial"), Request(strategy="Fast")])  # type: ignore[arg-type]
def test_an_unknown_word(request_: Request) -> None:
    error = refused(dense(np.ones((2, 4), dtype=np.int64)), request_)
    assert error.code == "E503" and "one of" in error.hint


def test_one_filter_per_channel_is_never_a_resource_kernel() -> None:
    made = convolution((3, 3), groups=4)
    assert lowered(made, Request(strategy="Resource")).settings == {"n1_conv": ("Latency", 1)}
    assert refused(made, Request(layers={"conv": LayerRequest("Resource")})).code == "E503"


def test_reuse_factors_are_those_that_hls4ml_takes_and_its_kernels_compute_with() -> None:
    backend = get_backend("Vitis")
    for inputs in range(1, 13):
        for outputs in range(1, 9):
            ours = [r for r in range(1, inputs * outputs + 1) if valid_reuse(inputs, outputs, r)]
            assert ours == backend.get_valid_reuse_factors(inputs, outputs)
    made = convolution((2, 1))
    (node,) = (n for n in made.nodes if isinstance(n, Linear))
    assert resource_factors(made, node, "io_stream") == (1, 2, 4, 8, 16, 32)
    assert resource_factors(made, node, "io_parallel") == (1, 2, 4, 8)  # above the fan-in products are left out


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([0, 1], 2), ([-1, 1], 2), ([-2, 1], 3), ([-2, -1], 3), ([1, 1], 2), ([-3, 3], 3), ([0, 3], 3), ([-8, 7], 4)],
)
def test_no_type_of_weights_makes_hls4ml_choose_another_product(values: list[int], wanted: int) -> None:
    kind = weight_type(np.array(values))
    assert kind == IntType(wanted, True)
    precision = get_backend("Vitis").convert_precision_string(str(kind))
    chosen = get_backend("Vitis").product_type(get_backend("Vitis").convert_precision_string("ap_uint<1>"), precision)
    assert chosen == "mult" or (chosen == "weight_ternary" and min(values) >= -1)


def test_a_manifest_whose_body_a_step_cannot_have_is_refused() -> None:
    """Also under ``python -O``: what an edited file says is no promise of ours."""
    curve = (Cuts(0, [1, 2, 5]),)
    made = graph(Step(name="s", inputs=("x",), curves=curve))  # type: ignore[arg-type]
    node = made.by_name["s"]
    assert isinstance(node, Step)
    for implementation in ("multiply_shift", "round_shift", "no_such"):
        with pytest.raises(IsobitError, match="E503"):
            step_body(made, node, implementation)
