"""Any function of one quantised tensor is a table or a staircase: every entry against exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

import isobit
from isobit.check.csim.stimuli import vectors_for
from isobit.check.source.compare import check_source
from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.ir import Graph
from tests.frontend.qonnx_oracle import assert_exact, every_level
from tests.frontend.test_qdq import through
from tests.onnx_builder import Net

Make = Callable[[Net, str], str]


def silu(net: Net, x: str) -> str:
    return net.op("Mul", x, net.op("Sigmoid", x))


def gelu(net: Net, x: str) -> str:
    """As exporters write it below opset 20."""
    half = net.op("Mul", x, 0.5)
    return net.op("Mul", half, net.op("Add", net.op("Erf", net.op("Div", x, 1.4142135)), 1.0))


def hard_swish(net: Net, x: str) -> str:
    return net.op("Mul", x, net.op("Div", net.op("Clip", net.op("Add", x, 3.0), 0.0, 6.0), 6.0))


def quantised_silu(net: Net, x: str) -> str:
    """With quantisers between, as a QDQ tool leaves it."""
    return net.op("Mul", x, through(net, net.op("Sigmoid", x), 1 / 256, 0))


def simple(op: str, *more: object, **attrs: Any) -> Make:
    return lambda net, x: net.op(op, x, *more, **attrs)


FUNCTIONS: dict[str, Make] = {
    "abs": simple("Abs"), "celu": simple("Celu", alpha=0.7), "elu": simple("Elu", alpha=1.5), "erf": simple("Erf"),
    "exp": simple("Exp"), "gelu": gelu, "hard sigmoid": simple("HardSigmoid", alpha=0.3), "hard swish": hard_swish,
    "silu": silu, "silu with quantisers": quantised_silu, "mish": lambda n, x: n.op("Mul", x, n.op("Tanh", n.op(
        "Softplus", x))), "neg": simple("Neg"), "selu": simple("Selu"), "softplus": simple("Softplus"),
    "softsign": simple("Softsign"), "square": lambda n, x: n.op("Mul", x, x), "cube": simple("Pow", 3.0),
    "sqrt": lambda n, x: n.op("Sqrt", n.op("Relu", x)), "log": lambda n, x: n.op("Log", n.op("Max", x, 0.1)),
    "reciprocal": lambda n, x: n.op("Reciprocal", n.op("Clip", x, 0.5, 9.0)),
    "constant over it": lambda n, x: n.op("Div", 3.0, n.op("Add", x, 20.0)),
    "negative slope": simple("PRelu", [-0.25]), "thresholded": simple("ThresholdedRelu", alpha=0.8),
    "clip": simple("Clip", -1.5, 2.25), "min": simple("Min", 0.3), "max": simple("Max", -0.3),
    "x + sigmoid": lambda n, x: n.op("Add", x, n.op("Sigmoid", x)),
    "x - tanh": lambda n, x: n.op("Sub", x, n.op("Tanh", x)),
    "ratio": lambda n, x: n.op("Div", x, n.op("Add", n.op("Mul", x, x), 1.0)),
    "rounded": lambda n, x: n.op("Floor", silu(n, x)),
    "scaled": lambda n, x: n.op("Sub", 1.0, n.op("Mul", silu(n, x), -0.7)),
    "larger of both": lambda n, x: n.op("Max", x, n.op("Mul", x, -0.5)),
}  # fmt: skip
NEWER: dict[str, tuple[Make, int]] = {
    "Gelu": (simple("Gelu"), 20), "Gelu by tanh": (simple("Gelu", approximate="tanh"), 20),
    "HardSwish": (simple("HardSwish"), 14), "Mish": (simple("Mish"), 18), "Swish": (simple("Swish", alpha=1.5), 24),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_entry_of_every_function(tmp_path: Path, name: str) -> None:
    net = Net(["N", 1])
    y = FUNCTIONS[name](net, net.quant("x", 0.05))
    net.quant(y, 0.03, 3.0, 8)
    assert_exact(net, tmp_path, every_level(8, 0.05))


@pytest.mark.parametrize("name", NEWER)
def test_functions_of_later_opsets(tmp_path: Path, name: str) -> None:
    make, opset = NEWER[name]
    net = Net(["N", 1])
    through(net, make(net, through(net, "x", 0.05, 0, np.int8)), 0.03, 5)
    assert_exact(net, tmp_path, every_level(8, 0.05), opset=opset, ir_version=9)


COMPARISONS = ["Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual"]


@pytest.mark.parametrize("op", COMPARISONS)
def test_comparisons_need_no_quantiser(tmp_path: Path, op: str) -> None:
    net = Net(["N", 1])
    x = net.quant("x", 0.5, 0.0, 4)
    flag = net.op("Cast", net.op(op, x, 1.5), to=TensorProto.FLOAT)
    both = net.op("And", net.op(op, x, 1.5), net.op("Not", net.op("Greater", net.op("Abs", x), 2.0)))
    chosen = net.op("Where", both, net.op("Mul", x, 3.0), net.op("Neg", x))
    graph = assert_exact(net, tmp_path, every_level(4, 0.5), flag, net.quant(chosen, 0.25, 0.0, 6))
    assert graph.types[graph.outputs[0].name].bounds == (0, 1)


def test_a_table_where_it_turns_a_staircase_where_it_does_not(tmp_path: Path) -> None:
    kinds: dict[str, list[str]] = {}
    for name in ("silu", "gelu", "elu", "neg", "square", "x + sigmoid"):
        net = Net(["N", 1])
        net.quant(FUNCTIONS[name](net, net.quant("x", 0.05)), 0.03, 0.0, 8)
        kinds[name] = [n.op for n in import_onnx(net.save(tmp_path)).nodes[1:-1]]
    assert kinds == {"silu": ["table"], "gelu": ["table"], "elu": ["step"], "neg": ["add", "step"],
                     "square": ["table"], "x + sigmoid": ["step"]}  # fmt: skip


def dense(net: Net, inputs: int, outputs: int) -> str:
    weights = np.random.default_rng(4).normal(size=(inputs, outputs))
    return net.op("MatMul", net.quant("x", 0.1), net.quant(weights, 0.05, 0.0, 8))


@pytest.mark.parametrize("name", ["elu", "softplus", "selu", "exp", "hard sigmoid", "x + sigmoid", "softsign"])
def test_rising_functions_of_wide_sums_are_staircases(tmp_path: Path, name: str) -> None:
    net = Net(["N", 40])
    net.quant(FUNCTIONS[name](net, dense(net, 40, 3)), 0.11, 0.0, 6)
    graph = assert_exact(net, tmp_path, np.random.default_rng(0).normal(0, 5, (60, 40)))
    assert "table" not in [n.op for n in graph.nodes]


@pytest.mark.parametrize("name", ["silu", "gelu", "hard swish", "mish", "square", "ratio", "larger of both"])
def test_functions_of_wide_sums_that_turn_are_two_staircases(tmp_path: Path, name: str) -> None:
    net = Net(["N", 40])
    net.quant(FUNCTIONS[name](net, dense(net, 40, 3)), 0.11, 0.0, 6)
    graph = assert_exact(net, tmp_path, np.random.default_rng(0).normal(0, 2, (60, 40)))
    kinds = [n.op for n in graph.nodes]
    assert "table" not in kinds and kinds.count("step") >= 3
    assert graph.types[graph.outputs[0].name].bits <= 6


def test_functions_per_channel_and_of_images(tmp_path: Path) -> None:
    net = Net(["N", 3, 4, 2])
    x = net.quant("x", np.reshape([0.1, 0.2, 0.05], (1, 3, 1, 1)), 0.0, 5)
    y = net.op("Mul", silu(net, x), np.reshape([1.0, -2.0, 0.5], (3, 1, 1)))
    y = net.op("BatchNormalization", y, [1.0, 2.0, -1.0], [0.5, 0.0, 0.1], [0.1, 0.2, 0.3], [1.0, 2.0, 3.0])
    net.quant(net.op("PRelu", y, np.reshape([-0.5, 0.25, 0.1], (3, 1, 1))), 0.1, 0.0, 6)
    assert_exact(net, tmp_path, np.random.default_rng(1).normal(0, 2, (8, 3, 4, 2)))


def test_exact_functions_go_on_without_a_quantiser(tmp_path: Path) -> None:
    net = Net(["N", 4])
    x = net.quant("x", 0.3, 0.0, 4)
    squares = net.op("Mul", x, x)
    y = net.op("MatMul", net.op("Abs", x), net.quant(np.eye(4)[:, :2], 1.0, 0.0, 2))
    assert_exact(net, tmp_path, np.random.default_rng(2).normal(0, 2, (30, 4)), y, squares)


def test_sixteen_bits_in_and_out(tmp_path: Path) -> None:
    net = Net(["N", 1])
    net.quant(silu(net, net.quant("x", 0.001, 0.0, 12)), 0.0001, 0.0, 16)
    assert_exact(net, tmp_path, np.random.default_rng(2).integers(-2048, 2048, (50, 1)) * np.float32(0.001))


OUTSIDE: dict[str, tuple[Make, str]] = {
    "one over zero": (simple("Reciprocal"), "E204"),
    "root of a negative": (simple("Sqrt"), "E204"),
    "logarithm of zero": (lambda n, x: n.op("Log", n.op("Relu", x)), "E204"),
    "an odd power": (simple("Pow", 1.3), "E202"),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_has_no_value_is_refused(tmp_path: Path, name: str) -> None:
    make, code = OUTSIDE[name]
    net = Net(["N", 1])
    net.quant(make(net, net.quant("x", 0.5, 0.0, 4)), 0.1)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path))
    assert caught.value.code == code


def test_an_unquantised_function_is_refused_by_name(tmp_path: Path) -> None:
    net = Net(["N", 1])
    silu(net, net.quant("x", 0.5, 0.0, 4))
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path))
    assert caught.value.code == "E203"


def values_of(graph: Graph) -> list[int]:
    (table,) = (n for n in graph.nodes if n.op == "table")
    return table.values[0].tolist()  # type: ignore[attr-defined, no-any-return]


def test_a_table_by_hand(tmp_path: Path) -> None:
    net = Net(["N", 1])
    x = net.quant("x", 1.0, 0.0, 3)
    net.quant(net.op("Mul", x, x), 2.0, 0.0, 5)
    assert values_of(import_onnx(net.save(tmp_path))) == [8, 4, 2, 0, 0, 0, 2, 4]  # 4.5, 0.5 and 0.5 to even
    assert Fraction(9, 2) == 9 / Fraction(2)


@pytest.mark.parametrize("between", ["quantised", "of the sum"])
def test_it_is_built_and_equal(tmp_path: Path, between: str) -> None:
    net = Net(["N", 6])
    x = net.op("MatMul", net.quant("x", 0.1), net.quant(np.random.default_rng(0).normal(size=(6, 4)), 0.1))
    net.quant(gelu(net, net.quant(x, 0.2) if between == "quantised" else x), 0.1, 0.0, 8)
    result = isobit.csim(isobit.compile(net.save(tmp_path), tmp_path / "build"), vectors=200)
    assert result.equal and result.source is not None and result.source.exact_outputs == 32 * 4
    assert not result.source.unexplained and result.source.float_integers > 0


JUMPS: dict[str, Callable[[Net, str], str]] = {
    "less": lambda net, x: net.op("Cast", net.op("Less", x, 0.3), to=1),
    "where": lambda net, x: net.op("Where", net.op("GreaterOrEqual", x, 0.3), x, 0.0),
    "threshold": lambda net, x: net.op("ThresholdedRelu", x, alpha=0.3),
}


@pytest.mark.parametrize("name", JUMPS)
def test_where_float32_jumps_elsewhere_it_is_a_tie(tmp_path: Path, name: str) -> None:
    """Of 6 * 0.05 exact arithmetic finds less than 0.3, float32 finds 0.3."""
    net = Net([1, 40])
    net.quant(JUMPS[name](net, net.quant("x", 0.05, bits=5)), 0.25)
    build = isobit.compile(net.save(tmp_path), tmp_path / "build")
    verdict = check_source(build, vectors_for(build.graph, 40, 0), {})
    assert verdict.exact_mismatches == 0 and not verdict.unexplained
    assert bool(verdict.ties) == (name in ("less", "where"))


@pytest.mark.parametrize("op", ["Floor", "Ceil", "Round"])
def test_what_rounds_without_a_quantiser_follows_float32(tmp_path: Path, op: str) -> None:
    net = Net([1, 40])
    x = net.quant("x", 0.05, bits=6)
    net.quant(net.op(op, net.op("Mul", x, 10.0 if op != "Round" else 5.0)), 1.0)
    path = net.save(tmp_path)
    exact, float32 = (isobit.compile(path, tmp_path / a, arithmetic=a) for a in ("auto", "float32"))
    assert exact.manifest.source.arithmetic.ties and not float32.manifest.source.arithmetic.exact[1:]
    verdict = check_source(float32, vectors_for(float32.graph, 40, 0), {})
    assert verdict.equal and verdict.exact_outputs and not verdict.ties and verdict.ends is not None
    assert verdict.ends.equal == verdict.ends.outputs
