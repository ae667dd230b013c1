"""Floats between a DEQUANTIZE and a QUANTIZE: LiteRT's integers, in the evaluator and in the graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.tflite.file import read_tflite
from isobit.errors import IsobitError
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import import_tflite, import_traced
from isobit.interp import run
from tests.check.source_tflite_helpers import Draw, every_integer
from tests.litert import run_reference

CHAINS = {
    "NEG": [("NEG",)],
    "ABS": [("ABS",)],
    "SQUARE": [("SQUARE",)],
    "FLOOR": [("FLOOR",)],
    "RELU": [("NEG",), ("RELU",)],
    "RELU6": [("RELU6",)],
    "SQRT": [("SQUARE",), ("SQRT",)],
    "RSQRT": [("ABS",), ("ADD", 0.37), ("RSQRT",)],
    "DIV": [("DIV", -0.3)],
    "MUL": [("MUL", 1 / 3), ("SUB", 0.7)],
    "MAXIMUM": [("MAXIMUM", -0.4), ("MINIMUM", 0.9)],
    "none": [],
}
BOTH = pytest.mark.parametrize("dtype", ["int8", "uint8"])


def island(dtype: str, chain: list[tuple[object, ...]], scale: float = 0.031, shape: int = 4) -> Draw:
    """A requantised input, then floats, then integers; ``scale`` is the last one's."""
    net = Draw(dtype, 3)
    x = net.make("QUANTIZE", [net.image(shape)], [shape], 0.05)
    real = net.op("DEQUANTIZE", [x], (1, shape), dtype="float32")
    for op, *constants in chain:
        given = [net.const(np.array(c, np.float32), dtype="float32") for c in constants]
        real = net.op(str(op), [real, *given], (1, shape), dtype="float32")
    net.make("QUANTIZE", [real], [shape], scale)
    return net


@BOTH
@pytest.mark.parametrize("name", CHAINS)
def test_they_are_tables(name: str, dtype: str, tmp_path: Path) -> None:
    net = island(dtype, CHAINS[name])
    path, last = net.save(tmp_path / "model.tflite"), net.operators[-1].outputs[0]
    given = {net.inputs[0]: every_integer(dtype).reshape(-1, 4).astype(dtype)}
    mine, theirs = evaluate_tflite(read_tflite(path), given)[last], run_reference(path, given)[last]
    assert np.array_equal(mine, theirs) and len(np.unique(theirs)) > 4
    imported = import_traced(load_tflite(path))
    (node,) = imported.graph.inputs
    found = run(imported.graph, {node.name: given[net.inputs[0]].astype(np.int64)}, taps=True)
    value = imported.values[last]
    assert np.array_equal(found[value.name] - value.zero + net.tensors[last].zero_point[0], theirs)
    assert imported.outputs == {net.tensors[last].name: last}


def test_what_gives_no_number_is_refused(tmp_path: Path) -> None:
    path = island("int8", [("DIV", 0.0)]).save(tmp_path / "model.tflite")
    with pytest.raises(IsobitError, match="float32 makes nothing that an integer holds") as caught:
        import_tflite(path)
    assert caught.value.code == "E204"


def test_other_operators_of_floats_are_named(tmp_path: Path) -> None:
    net = Draw("int8", 3)
    x = net.op("DEQUANTIZE", [net.image(4)], (1, 4), dtype="float32")
    turned = net.op("NEG", [x], (1, 4), dtype="float32")
    net.op("CUMSUM", [turned, net.integers(np.array(1))], (1, 4), dtype="float32")
    with pytest.raises(IsobitError) as caught:
        import_tflite(net.save(tmp_path / "model.tflite"))
    assert caught.value.code in ("E201", "E203")
    net.operators[-1] = net.operators[-1].__class__("TANH", (turned,), net.operators[-1].outputs, {})
    with pytest.raises(IsobitError, match="behind a DEQUANTIZE") as caught:
        import_tflite(net.save(tmp_path / "model.tflite"))
    assert caught.value.code == "E203"


@pytest.mark.parametrize("op", ["TRANSPOSE", "SLICE"])
def test_moves_of_such_floats_lose_no_scale(op: str, tmp_path: Path) -> None:
    """They were outputs of scale 1."""
    net = Draw("int8", 3)
    x = net.op("DEQUANTIZE", [net.make("RELU", [net.image(2, 4)], (2, 4))], (1, 2, 4), dtype="float32")
    if op == "TRANSPOSE":
        net.op(op, [x, net.integers([0, 2, 1])], (1, 4, 2), dtype="float32")
    else:
        net.op(op, [x, net.integers([0, 0, 0]), net.integers([1, 1, 4])], (1, 1, 4), dtype="float32")
    with pytest.raises(IsobitError, match=f"{op} of float32 behind a DEQUANTIZE") as caught:
        import_tflite(net.save(tmp_path / "model.tflite"))
    assert caught.value.code == "E203"


@pytest.mark.parametrize("op", ["ABS", "EXP", "NEG", "SQRT"])
def test_uint8_without_a_kernel_is_refused(op: str, tmp_path: Path) -> None:
    net = Draw("uint8", 3)
    net.op(op, [net.input((1, 4), 0.1, 0)], (1, 4), 0.1, 0)
    with pytest.raises(IsobitError, match=f"LiteRT has no kernel of {op} for uint8") as caught:
        import_tflite(net.save(tmp_path / "model.tflite"))
    assert caught.value.code == "E205"
