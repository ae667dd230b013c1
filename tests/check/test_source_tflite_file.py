"""Two readings of a TFLite file that share no code: the importer's and the evaluator's, beside LiteRT's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite
from models.tflite_nets import NETS

from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.tflite.file import read_tflite
from isobit.check.source.tflite.litert import run_litert
from isobit.check.source.tflite.schema import OPERATORS, OPTIONS
from isobit.errors import IsobitError
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import import_tflite
from isobit.interp import run
from tests.check.source_tflite_helpers import Draw
from tests.litert import run_reference
from tests.tflite_builder import TfliteNet


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("name", NETS)
def test_both_readings_say_the_same(name: str, dtype: str, tmp_path: Path) -> None:
    path = NETS[name](dtype).save(tmp_path / "model.tflite")
    theirs, mine = load_tflite(path), read_tflite(path)
    assert (mine.inputs, mine.outputs) == (theirs.inputs, theirs.outputs)
    for a, b in zip(mine.tensors, theirs.tensors, strict=True):
        assert (a.name, a.shape, a.dtype, a.scale) == (b.name, b.shape, b.dtype, b.scale)
        assert set(a.zero_point) == set(b.zero_point)
        assert (a.data is None) == (b.data is None)
        assert a.data is None or (a.data.dtype == b.data.dtype and np.array_equal(a.data, b.data))
    for x, y in zip(mine.operators, theirs.operators, strict=True):
        assert (x.op, x.index, x.inputs, x.outputs) == (y.op, y.index, y.inputs, y.outputs)
        assert x.options == {key: y.options.get(key, x.options[key]) for key in x.options}
        assert {key for key in x.options if x.options[key]} <= set(y.options)


def test_numbers_and_names_are_the_schemas() -> None:
    assert {number: tflite.opcode2name(number) for number in OPERATORS} == OPERATORS
    assert set(OPTIONS) <= set(OPERATORS.values())


@pytest.mark.parametrize("deprecated", [False, True])
@pytest.mark.parametrize("op", ["QUANTIZE", "PRELU", "MUL", "HARD_SWISH", "LEAKY_RELU"])
def test_a_code_is_the_greater_of_both_fields(op: str, deprecated: bool, tmp_path: Path) -> None:
    net = Draw("int8")
    x = net.input((1, 2, 5), 0.05, -7)
    others = {"PRELU": [net.const([[[1, 2, 9, -4, 5]]], 0.2, 3)], "MUL": [net.operand(5)]}.get(op, [])
    net.make(op, [x, *others], (2, 5), 0.08, **({"alpha": 0.3} if op == "LEAKY_RELU" else {}))
    path = net.save(tmp_path / "model.tflite", deprecated_codes=deprecated)
    given = np.random.default_rng(0).integers(-128, 128, (20, 2, 5)).astype(np.int8)
    (y,) = read_tflite(path).outputs
    theirs = run_reference(path, {x: given})[y].astype(np.int64)
    assert [o.op for o in load_tflite(path).operators] == [o.op for o in read_tflite(path).operators] == [op]
    assert run_litert(path, {x: given}, "BUILTIN_REF", {y}).operators == {0: op}
    assert np.array_equal(evaluate_tflite(read_tflite(path), {x: given})[y], theirs)
    graph = import_tflite(path)
    (found,) = run(graph, {graph.inputs[0].name: given.astype(np.int64)}).values()
    assert np.array_equal(found + net.tensors[y].zero_point[0], theirs)


def test_four_bits_and_absent_fields(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(-8, 8, (3, 5))
    net = TfliteNet()
    w = net.const(data, 0.1, dtype="int4")
    net.op("FULLY_CONNECTED", [net.input((1, 5), 0.1), w, -1], (1, 3), 0.1)
    file = read_tflite(net.save(tmp_path / "model.tflite"))
    found = file.tensors[w].data
    assert found is not None and np.array_equal(found, data) and file.operators[0].inputs[2] == -1


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\xff" * 64, b"\x08\x00\x00\x00TFL3" + b"\x00" * 60])
def test_what_is_no_file_has_a_code(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    with pytest.raises(IsobitError, match="E101"):
        read_tflite(path)
    path.write_bytes(content)
    with pytest.raises(IsobitError, match="E102"):
        read_tflite(path)
