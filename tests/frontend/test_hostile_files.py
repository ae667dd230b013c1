"""Hostile and broken files: each gets its coded refusal, writes nothing and shows no traceback."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from isobit.errors import IsobitError
from isobit.frontend.onnx import file as loader
from isobit.frontend.onnx.file import load_onnx
from tests.frontend.hostile_models import (
    INF,
    NAN,
    Make,
    calls_itself,
    changed,
    constant,
    cyclic,
    element_type,
    fifo,
    first_dim,
    folded,
    good_bytes,
    link_to_outside,
    matmul,
    not_utf8,
    opset_imports,
    quantiser,
    set_dims,
    single,
    subgraph,
    too_large,
    versions,
    with_external,
    written,
)
from tests.onnx_builder import QONNX, Net

CASES: dict[str, tuple[Make, str]] = {
    # the file
    "missing": (lambda folder: folder / "no.onnx", "E101"),
    "name with a null byte": (lambda folder: folder / "a\0b.onnx", "E101"),
    "a folder": (lambda folder: folder, "E101"),
    "a pipe": (fifo, "E101"),
    "two gigabytes": (too_large, "E101"),
    "empty": (written(b""), "E102"),
    "text": (written(b"import os\nprint('not a model')\n"), "E102"),
    "zeros": (written(bytes(1000)), "E102"),
    "truncated": (written(good_bytes()[:-40]), "E102"),
    "no graph": (changed(lambda m: m.ClearField("graph")), "E102"),
    "no output": (changed(lambda m: m.graph.ClearField("output")), "E102"),
    "names that are not UTF-8": (changed(not_utf8), "E102"),
    # versions
    "old IR": (versions(ir_version=2), "E103"),
    "future IR": (versions(ir_version=99), "E103"),
    "old opset": (versions(opset=6), "E103"),
    "future opset": (versions(opset=29), "E103"),
    "future QONNX opset": (versions(qonnx_opset=3), "E103"),
    "no opset": (opset_imports(), "E103"),
    "only a QONNX opset": (opset_imports((QONNX, 1)), "E103"),
    "two opsets": (opset_imports(("", 13), ("ai.onnx", 14)), "E103"),
    # the graph
    "cycle": (cyclic, "E104"),
    "self-loop": (changed(lambda m: m.graph.node[0].input.__setitem__(0, "t0")), "E104"),
    "undefined tensor": (changed(lambda m: m.graph.node[0].input.__setitem__(0, "nowhere")), "E107"),
    "undefined output": (changed(lambda m: setattr(m.graph.output[0], "name", "nowhere")), "E107"),
    "tensor made twice": (changed(lambda m: m.graph.node.append(m.graph.node[0])), "E107"),
    "input overwritten": (changed(lambda m: m.graph.node[0].output.__setitem__(0, "x")), "E107"),
    "input twice": (changed(lambda m: m.graph.input.append(m.graph.input[0])), "E107"),
    "constant twice": (changed(lambda m: m.graph.initializer.append(m.graph.initializer[0]), matmul), "E107"),
    "constant without a name": (changed(lambda m: setattr(m.graph.initializer[0], "name", ""), matmul), "E107"),
    "node without output": (changed(lambda m: m.graph.node[0].ClearField("output")), "E107"),
    # external data
    "external, absolute": (with_external(location="/etc/passwd"), "E105"),
    "external, parent": (with_external(location="../outside.bin"), "E105"),
    "external, parent inside a path": (with_external(location="sub/../../outside.bin"), "E105"),
    "external, backslashes": (with_external(location="..\\outside.bin"), "E105"),
    "external, drive": (with_external(location="C:\\outside.bin"), "E105"),
    "external, link": (with_external(link_to_outside, location="link.bin"), "E105"),
    "external, device": (with_external(location="/dev/zero"), "E105"),
    "external, folder": (with_external(location="."), "E105"),
    "external, nowhere": (with_external(location="gone.bin"), "E105"),
    "external, no location": (with_external(), "E105"),
    "external, null byte": (with_external(location="in\0side.bin"), "E105"),
    "external, behind the end": (with_external(location="inside.bin", offset="4"), "E105"),
    "external, negative offset": (with_external(location="inside.bin", offset="-4"), "E105"),
    "external, huge offset": (with_external(location="inside.bin", offset="9" * 18), "E105"),
    "external, offset is code": (with_external(location="inside.bin", offset="__import__('os')"), "E105"),
    "external, wrong length": (with_external(location="inside.bin", length="8"), "E105"),
    # shapes
    "dynamic feature size": (single([1, "features"], "Relu"), "E106"),
    "unknown feature size": (single([1, None], "Relu"), "E106"),
    "zero feature size": (single([1, 0], "Relu"), "E106"),
    "negative dimension": (changed(first_dim(-3)), "E106"),
    "huge input": (single([1, 2**40], "Relu"), "E106"),
    "overflowing input": (single([1, 2**62, 2**62], "Relu"), "E106"),
    "no batch dimension": (single([3], "Relu"), "E106"),
    "no shape": (changed(lambda m: m.graph.input[0].type.tensor_type.ClearField("shape")), "E106"),
    "no type": (changed(lambda m: m.graph.input[0].ClearField("type")), "E106"),
    "huge constant without data": (changed(set_dims(2**20, 2**20), matmul), "E106"),
    "negative constant shape": (changed(set_dims(-3, -2), matmul), "E106"),
    "matrix sizes differ": (single([1, 3], "MatMul", np.ones((4, 2))), "E106"),
    "gemm sizes differ": (single([1, 3], "Gemm", np.ones((4, 2))), "E106"),
    "reshape to another size": (single([1, 6], "Reshape", [1, 5]), "E106"),
    "batch fixed in a reshape": (single([64, 2, 3], "Reshape", [32, 12]), "E106"),
    "zero stride": (single([1, 1, 8], "MaxPool", kernel_shape=[2], strides=[0]), "E106"),
    "group of zero": (single([1, 3, 8], "Conv", np.ones((4, 3, 3)), group=0), "E106"),
    "kernel larger than the image": (single([1, 1, 8], "MaxPool", kernel_shape=[20]), "E106"),
    "shape known at run time only": (single([1, 3], "NonZero"), "E106"),
    "expansion bomb": (folded("Expand", 1.0, [2**20, 2**20]), "E106"),
    "tiling bomb": (folded("Tile", np.ones((1, 1)), [2**31, 2**31]), "E106"),
    "broadcasting bomb": (folded("Add", np.ones((2**15, 1)), np.ones((1, 2**15))), "E106"),
    "range bomb": (folded("Range", 0.0, 1e12, 1.0), "E106"),
    "parameter larger than the data": (quantiser(np.ones((5, 3)), 0.0, 4.0), "E106"),
    # operators
    "control flow": (subgraph("If"), "E201"),
    "loop": (subgraph("Loop"), "E201"),
    "scan": (subgraph("Scan"), "E201"),
    "unknown operator": (single([1, 3], "Frobnicate"), "E201"),
    "unknown domain": (single([1, 3], "Relu", domain="com.example"), "E201"),
    "unknown QONNX operator": (quantiser(op="IntTransform"), "E201"),
    "function": (changed(lambda m: m.functions.append(calls_itself())), "E102"),
    "operator newer than the opset": (single([1, 3], "Mish"), "E102"),
    "missing input": (single([1, 3], "MatMul"), "E102"),
    "attribute of the wrong kind": (single([1, 3], "LeakyRelu", alpha="steep"), "E102"),
    "unknown attribute": (single([1, 3], "Relu", speed=9), "E102"),
    "Quant with two inputs": (quantiser(1.0), "E102"),
    "attribute twice": (
        changed(lambda m: m.graph.node[0].attribute.extend([helper.make_attribute("a", 1)] * 2)),
        "E202",
    ),
    # numbers
    "NaN weight": (constant([1.0, NAN, 1.0]), "E204"),
    "infinite weight": (constant([1.0, 1.0, INF]), "E204"),
    "NaN scale": (quantiser(NAN, 0.0, 4.0), "E204"),
    "NaN attribute": (single([1, 3], "LeakyRelu", alpha=NAN), "E204"),
    "range to infinity": (folded("Range", 0.0, 1e30, 1.0), "E204"),
    "constant division by zero": (folded("Div", 1.0, 0.0), "E204"),
    "constant data too short": (changed(set_dims(3, 3), matmul), "E102"),
    "half precision": (changed(element_type(TensorProto.FLOAT16), matmul), "E108"),
    "strings": (changed(element_type(TensorProto.STRING), matmul), "E108"),
    "unheard-of element type": (changed(element_type(999), matmul), "E108"),
    "half precision input": (single([1, 3], "Relu", elem=TensorProto.FLOAT16), "E108"),
    "sparse constant": (changed(lambda m: m.graph.sparse_initializer.add()), "E108"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_with_its_code(case: str, tmp_path: Path) -> None:
    make, code = CASES[case]
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(IsobitError) as caught:
        load_onnx(path)
    assert caught.value.code == code, str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_many_small_expansions_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Net([1, 3])
    parts = [net.op("Expand", 1.0, net.const([1, 60], np.int64)) for _ in range(2)]
    net.op("Concat", "x", *parts, axis=1)
    path = net.save(tmp_path)
    assert load_onnx(path).outputs[0].shape == (1, 123)
    monkeypatch.setattr(loader, "MAX_ELEMENTS", 100)
    with pytest.raises(IsobitError, match="100 elements") as caught:
        load_onnx(path)
    assert caught.value.code == "E106"


def test_messages_show_no_control_characters(tmp_path: Path) -> None:
    net = Net([1, 3], name="a\n\x1b[31m'")
    net.op("Frobnicate\r\n\x07", "a\n\x1b[31m'", outputs=["\x1b]0;title\x07"])
    net.nodes[0].name = "\x1b[2J"
    with pytest.raises(IsobitError) as caught:
        load_onnx(net.save(tmp_path))
    text = str(caught.value)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert len(text.splitlines()) <= 3


@pytest.mark.parametrize("length", range(0, len(good_bytes()), 7))
def test_every_truncation_is_refused_or_loads(length: int, tmp_path: Path) -> None:
    refused_or_loads(written(good_bytes()[:length])(tmp_path))


@pytest.mark.parametrize("seed", range(150))
def test_damaged_bytes_are_refused_or_load(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    data = bytearray(good_bytes())
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    refused_or_loads(written(bytes(data))(tmp_path))


def refused_or_loads(path: Path) -> None:
    try:
        model = load_onnx(path)
    except IsobitError:
        return
    assert model.outputs
