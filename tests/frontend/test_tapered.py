"""The operators of our own domain: importer, exact evaluator and qonnx's execution of a file agree, and bad files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.check.source.exact.tapered import tapered_decode
from isobit.check.source.float.run import run_float
from isobit.errors import IsobitError
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.qonnx.importer import import_onnx
from isobit.ir.ops import Table
from isobit.numerics.formats import Tapered
from tests.frontend.qonnx_oracle import assert_exact
from tests.onnx_builder import Net, save

OWN = "isobit.custom_op"


def samples(count: int = 60) -> Any:
    return np.random.default_rng(3).normal(0, 3, (count, 6)).astype(np.float32)


def tapered(net: Net, data: object, scale: object, bits: int, run: int) -> str:
    return net.op("TaperedQuant", data, net.const(scale), domain=OWN, bits=bits, run=run)


def weights(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).laplace(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize(("bits", "run"), [(n, r) for n in range(2, 7) for r in range(1, n)])
@pytest.mark.parametrize("scale", [0.375, [[0.3, 0.5, 1.1, 0.07]]])
def test_weights_and_activations(tmp_path: Path, bits: int, run: int, scale: Any) -> None:
    net = Net(["N", 6])
    y = net.op("MatMul", net.quant("x", 0.5, 0, 5), tapered(net, weights(6, 4), scale, bits, run))
    y = net.op("Relu", y) if run % 2 else y
    y = tapered(net, y, [[1.3, 0.9, 2.0, 1.0]] if bits % 2 else 1.7, bits, run)
    net.quant(net.op("MatMul", y, tapered(net, weights(4, 3, seed=1), 0.4, 4, 3)), 0.7, 0, 6)
    graph = assert_exact(net, tmp_path, samples())
    assert sum(isinstance(node, Table) for node in graph.nodes) == 1


def test_ties_of_activations_go_to_the_even_code(tmp_path: Path) -> None:
    net = Net(["N", 6])
    tapered(net, net.quant("x", 0.125, 0, 8), 1.0, 4, 3)
    path = net.save(tmp_path)
    x = np.array([[0.125, 0.375, 1.25, 1.75, 2.5, -0.125], [-1.25, -1.75, -2.5, -3.5, 9.0, -9.0]], np.float32)
    found = evaluate_exact(path, {"x": x})["t1"]
    wanted = [[0, 0.5, 1, 2, 2, 0], [-1, -2, -2, -4, 3, -4]]
    assert [[float(found[i, j]) for j in range(6)] for i in range(2)] == wanted
    assert_exact(net, tmp_path, x)


def test_behind_a_function(tmp_path: Path) -> None:
    net = Net(["N", 6])
    y = net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 5), tapered(net, weights(6, 4), 0.3, 4, 2)), 0.25, 0, 6)
    net.op("Mul", tapered(net, net.op("Tanh", y), 0.26, 5, 4), 1.0)
    assert_exact(net, tmp_path, samples())


@pytest.mark.parametrize("made", [Tapered(n, r) for n in range(2, 11) for r in range(1, n)], ids=str)
def test_codes_in_a_file_are_the_numbers_of_the_format(made: Tapered) -> None:
    half = 1 << made.bits - 1
    codes = np.arange(-half, half)
    found = tapered_decode(codes, np.float32([1.0]), {"bits": made.bits, "run": made.run})
    assert [found[(i,)] for i in range(2 * half)] == [made.integer(int(c) % (2 * half)) * made.unit for c in codes]


def test_weights_as_codes(tmp_path: Path) -> None:
    net, made = Net(["N", 6]), Tapered(5, 3)
    values = weights(6, 4)
    codes = made.nearest(values / np.float32(0.3))
    signed = np.where(codes >= 16, codes - 32, codes)
    w = net.op("TaperedDecode", net.const(signed, np.int8), net.const(0.3), domain=OWN, bits=5, run=3)
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 5), w), 0.7, 0, 6)
    graph = assert_exact(net, tmp_path, samples())
    other = Net(["N", 6])
    y = other.op("MatMul", other.quant("x", 0.5, 0, 5), tapered(other, values, 0.3, 5, 3))
    other.quant(y, 0.7, 0, 6)
    assert [str(n) for n in graph.nodes if n.op == "const"] == [
        str(n) for n in import_onnx(other.save(tmp_path)).nodes if n.op == "const"
    ]


def test_qonnx_executes_the_file_by_the_name_of_its_domain(tmp_path: Path) -> None:
    net = Net(["N", 6])
    w = tapered(net, weights(6, 4), [[0.25, 0.5, 1.0, 0.125]], 4, 3)
    code = net.op("TaperedDecode", net.const([[-8, 7, 3, 1]], np.int8), net.const(0.5), domain=OWN, bits=4, run=3)
    y = tapered(net, net.op("MatMul", net.quant("x", 0.5, 0, 5), w), 2.0, 5, 4)
    net.op("Mul", y, code)
    path = net.save(tmp_path)
    run, exact = run_float(load_onnx(path), samples()), evaluate_exact(path, {"x": samples()})
    (name,) = run.outputs
    theirs = [Fraction(float(v)) for v in run.outputs[name].reshape(-1)]
    assert theirs == [exact[name][i] for i in np.ndindex(exact[name].shape)]  # powers of two: float32 is exact


def one_layer(**attrs: Any) -> Net:
    net = Net(["N", 6])
    given = {"bits": 4, "run": 3} | attrs
    w = net.op("TaperedQuant", weights(6, 3), net.const(0.5), domain=OWN, **{k: v for k, v in given.items() if v})
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 5), w), 0.7, 0, 6)
    return net


@pytest.mark.parametrize(
    ("attrs", "text"),
    [({"bits": 17}, "17 bits"), ({"bits": 1}, "1 bits"), ({"run": 4}, "a run of 4"), ({"run": -1}, "a run of -1"),
     ({"bits": None}, "without bits"), ({"run": 2.0}, "without bits")],
)  # fmt: skip
def test_formats_that_are_none(tmp_path: Path, attrs: dict[str, Any], text: str) -> None:
    with pytest.raises(IsobitError, match=text) as found:
        import_onnx(one_layer(**attrs).save(tmp_path))
    assert found.value.code == "E205" and "TaperedQuant_0" in found.value.where and found.value.hint


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan, [1.0, 2.0], 1e-38])
def test_scales_that_are_none(tmp_path: Path, scale: Any) -> None:
    net = Net(["N", 6])
    w = tapered(net, weights(6, 3), scale, 12, 3)
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 5), w), 0.7, 0, 6)
    with pytest.raises(IsobitError) as found:
        import_onnx(net.save(tmp_path))
    assert found.value.code == ("E106" if isinstance(scale, list) else "E204")


@pytest.mark.parametrize(("code", "bits"), [(8, 4), (-9, 4), (127, 7)])
def test_a_code_of_more_bits(tmp_path: Path, code: int, bits: int) -> None:
    net = Net(["N", 6])
    codes = np.zeros((6, 3), np.int8)
    codes[2, 1] = code
    w = net.op("TaperedDecode", net.const(codes, np.int8), net.const(0.5), domain=OWN, bits=bits, run=2)
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 5), w), 0.7, 0, 6)
    with pytest.raises(IsobitError) as found:
        import_onnx(net.save(tmp_path))
    assert found.value.code == "E205" and f"the code {code} at index [2, 1]" in found.value.message
    assert "TaperedDecode" in found.value.where and f"codes of {bits} bits lie in" in found.value.hint


def test_codes_that_are_no_integers(tmp_path: Path) -> None:
    net = Net(["N", 6])
    w = net.op("TaperedDecode", weights(6, 3), net.const(0.5), domain=OWN, bits=4, run=2)
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0, 5), w), 0.7, 0, 6)
    with pytest.raises(IsobitError) as found:
        import_onnx(net.save(tmp_path))
    assert found.value.code == "E202" and "int8" in found.value.hint


def test_the_networks_input_stays_plain(tmp_path: Path) -> None:
    net = Net(["N", 6])
    tapered(net, "x", 0.5, 4, 3)
    with pytest.raises(IsobitError) as found:
        import_onnx(net.save(tmp_path))
    assert found.value.code == "E202" and "QuantIdentity" in found.value.hint


def other(model: onnx.ModelProto, version: int = 1, op: str = "TaperedQuant") -> onnx.ModelProto:
    model.opset_import.append(helper.make_opsetid(OWN, version))
    next(n for n in model.graph.node if n.domain == OWN).op_type = op
    return model


def test_versions_and_operators_that_nobody_knows(tmp_path: Path) -> None:
    import_onnx(save(other(one_layer().model()), tmp_path))
    with pytest.raises(IsobitError) as found:
        import_onnx(save(other(one_layer().model(), 2), tmp_path))
    assert found.value.code == "E103" and f"version 2 of the domain {OWN}" in found.value.message
    with pytest.raises(IsobitError) as found:
        import_onnx(save(other(one_layer().model(), op="TaperedTrunc"), tmp_path))
    assert found.value.code == "E201" and "TaperedDecode, TaperedQuant" in found.value.hint
