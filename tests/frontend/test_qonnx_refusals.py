"""What a file may not say: every refusal has its code and names the node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isobit.errors import IsobitError
from isobit.frontend.qonnx.importer import import_onnx
from isobit.frontend.qonnx.input_type import InputType
from tests.onnx_builder import QONNX, Net

RNG = np.random.default_rng(2)
FOUR = RNG.normal(size=(4, 4)).astype(np.float32)
Make = Callable[[Net], object]


def inner(net: Net) -> str:
    """A quantised activation of shape (1, 4)."""
    return net.quant("x", 0.25, 0.0, 6)


def weights(net: Net) -> str:
    return net.quant(FOUR, 0.1, 0.0, 4)


def square(net: Net) -> str:
    """A quantised activation of shape (1, 2, 2)."""
    return net.op("Reshape", inner(net), ints(net, 1, 2, 2))


def ints(net: Net, *values: int) -> str:
    return net.const(values, np.int64)


def top_k(net: Net, largest: int = 1) -> str:
    return net.op("TopK", inner(net), ints(net, 2), outputs=("best", "where"), axis=1, largest=largest)


def softmax_inside(net: Net) -> str:
    return net.quant(net.op("Softmax", inner(net), axis=1), 0.1)


CASES: dict[str, tuple[str, Make]] = {
    "unknown operator": ("E201", lambda n: n.op("Sin", inner(n))),
    "constant of several samples": ("E106", lambda n: n.op("Add", inner(n), FOUR)),
    "index beyond an axis": ("E106", lambda n: n.op("Gather", inner(n), ints(n, 0, 4), axis=1)),
    "index beyond the batch": ("E106", lambda n: n.op("Gather", inner(n), ints(n, 1), axis=0)),
    "nothing of a tensor": ("E106", lambda n: n.op("Slice", inner(n), ints(n, 2), ints(n, 2), ints(n, 1))),
    "weights on the left": ("E202", lambda n: n.op("MatMul", FOUR[:1, :1], inner(n))),
    "product of two activations": ("E201", lambda n: n.op("MatMul", square(n), square(n))),
    "activation over activation": ("E201", lambda n: n.op("Div", inner(n), inner(n))),
    "activation plus raw input": ("E201", lambda n: n.op("Add", inner(n), "x")),
    "bias computed at run time": ("E201", lambda n: n.op("Gemm", inner(n), weights(n), inner(n))),
    "transposed batch": ("E202", lambda n: n.op("Transpose", inner(n), perm=[1, 0])),
    "Gemm with transA": ("E202", lambda n: n.op("Gemm", inner(n), FOUR[:1], transA=1)),
    "constant over a zero": ("E204", lambda n: n.op("Div", 1.0, inner(n))),
    "constant minus raw input": ("E202", lambda n: n.quant(n.op("Sub", 1.0, "x"), 0.1)),
    "Softmax inside": ("E202", softmax_inside),
    "Softmax over another axis": ("E202", lambda n: n.op("Softmax", n.op("Unsqueeze", inner(n), ints(n, 1)), axis=1)),
    "ArgMax of the last": ("E202", lambda n: n.op("ArgMax", inner(n), axis=1, select_last_index=1)),
    "ArgMax over the batch": ("E202", lambda n: n.op("ArgMax", inner(n), axis=0)),
    "smallest k": ("E202", lambda n: (top_k(n, largest=0), "where")[1]),
    "values of TopK": ("E202", top_k),
    "weights quantised twice": ("E202", lambda n: n.op("MatMul", inner(n), n.quant(weights(n), 0.3))),
    "weights binarised after quantising": ("E202", lambda n: n.op("MatMul", inner(n), n.bipolar(weights(n)))),
    "thresholds over another axis": (
        "E202",
        lambda n: n.op("MultiThreshold", inner(n), FOUR, domain=QONNX, data_layout="CN"),
    ),
    "float weights": ("E203", lambda n: n.op("MatMul", inner(n), FOUR)),
    "activation that nothing quantises": ("E203", lambda n: n.op("MatMul", n.op("Sigmoid", inner(n)), weights(n))),
    "clamp that nothing quantises": ("E203", lambda n: n.op("Gemm", n.op("Clip", inner(n), -0.3, 1.0), weights(n))),
    "more digits than integers have": ("E203", lambda n: n.op("MatMul", inner(n), np.float32(FOUR > 0) + 2.0**-17)),
    "output that nothing quantises": ("E203", lambda n: n.op("Relu", "x")),
    "output clipped per channel": (
        "E203",
        lambda n: n.op("Mul", n.op("Clip", inner(n), -1.0, 1.0), [1.0, 2.0, 3.0, 4.0]),
    ),
    "scale zero": ("E204", lambda n: n.quant(inner(n), [0.1, 0.0, 0.2, 0.3])),
    "scale negative": ("E204", lambda n: n.quant("x", -0.1)),
    "bipolar scale zero": ("E204", lambda n: n.bipolar(inner(n), 0.0)),
    "weight scale zero": ("E204", lambda n: n.op("MatMul", inner(n), n.quant(FOUR, 0.0))),
    "fractional zero point of weights": ("E204", lambda n: n.op("MatMul", inner(n), n.quant(FOUR, 0.1, 0.5))),
    "negative variance": ("E204", lambda n: n.op("BatchNormalization", inner(n), *np.ones((3, 4)), -np.ones(4))),
    "division by zero": ("E204", lambda n: n.op("Div", inner(n), [1.0, 0.0, 1.0, 1.0])),
    "negative out_scale": ("E204", lambda n: n.op("MultiThreshold", inner(n), FOUR, domain=QONNX, out_scale=-1.0)),
    "no bits": ("E205", lambda n: n.quant(inner(n), 0.1, 0.0, 0)),
    "17 bits": ("E205", lambda n: n.quant(inner(n), 0.1, 0.0, 17)),
    "two and a half bits": ("E205", lambda n: n.quant("x", 0.1, 0.0, 2.5)),
    "33 bits of weights": ("E205", lambda n: n.op("MatMul", inner(n), n.quant(FOUR, 0.1, 0.0, 33))),
    "bits per channel": ("E205", lambda n: n.quant(inner(n), 0.1, 0.0, n.const([4, 4, 4, 8]))),  # type: ignore[arg-type]
    "scale of the data": ("E206", lambda n: n.quant(inner(n), n.op("Add", n.op("Relu", inner(n)), 1.0))),
    "quantised zero point": ("E206", lambda n: n.quant(inner(n), 0.1, n.quant(np.ones(1), 0.1))),
    "rounding mode": ("E207", lambda n: n.quant(inner(n), 0.1, rounding_mode="STOCHASTIC")),
    "scales per channel, reshaped": (
        "E208",
        lambda n: n.op("Reshape", n.quant(inner(n), [0.1, 0.2, 0.3, 0.4]), ints(n, 1, 2, 2)),
    ),
    "raw input multiplied": ("E209", lambda n: n.op("MatMul", "x", weights(n))),
    "raw input in thresholds": ("E209", lambda n: n.op("MultiThreshold", "x", FOUR, domain=QONNX)),
}


@pytest.mark.parametrize("name", CASES)
def test_refusal(tmp_path: Path, name: str) -> None:
    code, make = CASES[name]
    net = Net([1, 4])
    output = make(net)
    assert isinstance(output, str)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, output))
    assert caught.value.code == code
    assert caught.value.where
    assert caught.value.message


def test_a_constant_output_is_named(tmp_path: Path) -> None:
    """Brevitas writes the scale of a QuantTensor that a network returns as one more output."""
    net = Net([1, 4])
    inner(net)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path, net.nodes[-1].output[0], net.nodes[-1].input[1]))
    assert (caught.value.code, "return_quant_tensor" in caught.value.hint) == ("E203", True)


def test_the_node_is_named(tmp_path: Path) -> None:
    net = Net([1, 4])
    net.op("MatMul", inner(net), FOUR)
    with pytest.raises(IsobitError) as caught:
        import_onnx(net.save(tmp_path))
    assert "'MatMul_1'" in caught.value.where
    assert "QuantLinear" in caught.value.hint


@pytest.mark.parametrize("name", ["", "FLOAT32", "UINT", "INT", "INT0", "UINT17", "BIPOLAR2", "uint-8", "INT8\n", "8"])
def test_input_types_that_do_not_exist(name: str) -> None:
    with pytest.raises(IsobitError) as caught:
        InputType.parse(name)
    assert caught.value.code == "E209"


@pytest.mark.parametrize("scale", ["0", "-1", "1/0", "nan", "inf", "one", ""])
def test_input_scales_that_are_no_positive_numbers(scale: str) -> None:
    with pytest.raises(IsobitError) as caught:
        InputType.parse("UINT8", scale)
    assert caught.value.code == "E204"


def test_input_types_in_any_case() -> None:
    assert InputType.parse("uint3", "0.5") == InputType.parse("UINT3", "1/2")
