"""Writers of hostile and broken model files, for the tests of the loader's refusals."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.onnx_builder import QONNX, Net, save

Make = Callable[[Path], Path]
NAN, INF = float("nan"), float("inf")


def relu() -> Net:
    net = Net([1, 3])
    net.op("Relu", "x")
    return net


def good_bytes() -> bytes:
    net = Net([1, 3])
    net.op("Relu", net.op("MatMul", net.quant("x", 0.5), np.ones((3, 2))))
    return bytes(net.model().SerializeToString())


def written(data: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / "model.onnx").write_bytes(data)
        return folder / "model.onnx"

    return make


def versions(**kwargs: int) -> Make:
    return lambda folder: relu().save(folder, **kwargs)


def changed(change: Callable[[onnx.ModelProto], object], net: Callable[[], Net] = relu) -> Make:
    """A good model with one thing made wrong."""

    def make(folder: Path) -> Path:
        model = net().model()
        change(model)
        return save(model, folder)

    return make


def single(shape: list[Any], op: str, *inputs: object, elem: int = TensorProto.FLOAT, **attrs: Any) -> Make:
    """A model of one node on the input ``x``."""

    def make(folder: Path) -> Path:
        net = Net(shape, elem=elem)
        net.op(op, "x", *(net.const(i, np.int64) if isinstance(i, list) else i for i in inputs), **attrs)
        return net.save(folder)

    return make


def constant(value: object) -> Make:
    return single([1, 3], "Add", np.asarray(value, dtype=np.float32))


def quantiser(*params: object, op: str = "Quant", **attrs: Any) -> Make:
    return single([1, 3], op, *params, domain=QONNX, **attrs)


def folded(op: str, *inputs: object, **attrs: Any) -> Make:
    """A constant expression beside the data path."""

    def make(folder: Path) -> Path:
        net = Net([1, 3])
        named = [net.const(i, np.int64) if isinstance(i, list) else i for i in inputs]
        net.op("Add", "x", net.op(op, *named, **attrs))
        return net.save(folder)

    return make


def with_external(prepare: Callable[[Path], object] = lambda folder: None, **entries: str) -> Make:
    def make(folder: Path) -> Path:
        home = folder / "home"
        home.mkdir()
        (folder / "outside.bin").write_bytes(bytes(64))
        (home / "inside.bin").write_bytes(bytes(12))
        prepare(home)
        net = Net([1, 3])
        net.op("Add", "x", np.zeros(3))
        model = net.model()
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)
        return save(model, home)

    return make


def link_to_outside(folder: Path) -> None:
    (folder / "link.bin").symlink_to(folder.parent / "outside.bin")


def cyclic(folder: Path) -> Path:
    net = Net([1, 3])
    net.op("Add", "x", "b", outputs=["a"])
    net.op("Relu", "a", outputs=["b"])
    return net.save(folder)


def subgraph(op: str) -> Make:
    def make(folder: Path) -> Path:
        net = Net([1, 3])
        body = helper.make_graph([], "body", [], [])
        net.op(op, "x", body=body)
        return net.save(folder)

    return make


def too_large(folder: Path) -> Path:
    path = folder / "model.onnx"
    path.touch()
    os.truncate(path, 2**31 + 1)  # sparse: no byte is written
    return path


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.onnx")
    return folder / "pipe.onnx"


def first_dim(value: int) -> Callable[[onnx.ModelProto], object]:
    def change(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = value

    return change


def opset_imports(*entries: tuple[str, int]) -> Make:
    def change(model: onnx.ModelProto) -> None:
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(*entry) for entry in entries)

    return changed(change)


def calls_itself() -> onnx.FunctionProto:
    node = helper.make_node("f", ["x"], ["y"], domain="local")
    return helper.make_function("local", "f", ["x"], ["y"], [node], [helper.make_opsetid("local", 1)])


def matmul() -> Net:
    net = Net([1, 3])
    net.op("MatMul", "x", np.ones((3, 2)))
    return net


def set_dims(*dims: int) -> Callable[[onnx.ModelProto], object]:
    def change(model: onnx.ModelProto) -> None:
        model.graph.initializer[0].dims[:] = dims

    return change


def element_type(number: int) -> Callable[[onnx.ModelProto], object]:
    def change(model: onnx.ModelProto) -> None:
        model.graph.initializer[0].data_type = number

    return change


def not_utf8(model: onnx.ModelProto) -> None:
    data = model.SerializeToString().replace(b"Relu_0", b"Rel\xff_0")
    model.ParseFromString(data)
