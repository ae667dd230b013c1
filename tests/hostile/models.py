"""Models that are wrong in one way, and good models with hostile names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from tests.cli.runner import small_model
from tests.onnx_builder import QONNX, Net, save

Make = Callable[[Path], Path]
NAN, INF = float("nan"), float("inf")
WEIGHTS = np.array([[0.5, -0.5], [1.0, 0.25], [-0.75, 0.5]])


def network(
    *,
    x_scale: object = 0.5,
    x_zero: object = 0.0,
    x_bits: float = 4,
    w_scale: object = 0.25,
    w_bits: float = 4,
    y_scale: object = 0.7,
    rounding_mode: str = "ROUND",
) -> Net:
    """Quantiser, matrix product, quantiser on three inputs."""
    net = Net([1, 3])
    x = net.quant("x", x_scale, x_zero, x_bits)
    product = net.op("MatMul", x, net.quant(WEIGHTS, w_scale, 0.0, w_bits))
    net.quant(product, y_scale, 0.0, 8, rounding_mode=rounding_mode)
    return net


def built(**parameters: object) -> Make:
    return lambda folder: network(**parameters).save(folder)  # type: ignore[arg-type]


def versions(**numbers: int) -> Make:
    return lambda folder: network().save(folder, **numbers)


def damaged(change: Callable[[bytes], bytes]) -> Make:
    def make(folder: Path) -> Path:
        path = network().save(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def missing(folder: Path) -> Path:
    return folder / "no such model.onnx"


def cyclic(folder: Path) -> Path:
    net = Net([1, 3])
    net.op("Add", "x", "b", outputs=["a"])
    net.op("Relu", "a", outputs=["b"])
    return net.save(folder)


def shaped(*dims: int | str) -> Make:
    def make(folder: Path) -> Path:
        net = Net(list(dims))
        net.quant("x", 0.5, 0.0, 4)
        return net.save(folder)

    return make


def raw_weights(folder: Path) -> Path:
    net = Net([1, 3])
    thirds = [[w / 3 for w in row] for row in WEIGHTS]  # on no grid of few bits
    net.quant(net.op("MatMul", net.quant("x", 0.5), thirds), 0.7)
    return net.save(folder)


def raw_input(folder: Path) -> Path:
    net = Net([1, 3])
    net.quant(net.op("MatMul", "x", net.quant(WEIGHTS, 0.25)), 0.7)
    return net.save(folder)


def followed_by(op: str, *operands: object, domain: str = "", **attrs: object) -> Make:
    """The network with one more operator and a quantiser behind it."""

    def make(folder: Path) -> Path:
        net = network()
        net.quant(net.op(op, net.nodes[-1].output[0], *operands, domain=domain, **attrs), 0.9)
        return net.save(folder)

    return make


def run_time_scale(folder: Path) -> Path:
    net = Net([1, 3])
    x = net.quant("x", 0.5)
    net.op("Quant", x, net.op("Relu", x), net.const(0.0), net.const(4.0), domain=QONNX, signed=1, narrow=0)
    return net.save(folder)


def external_data(folder: Path) -> Path:
    model = network().model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    return save(model, folder)


def same_name_twice(folder: Path) -> Path:
    model = network().model()
    model.graph.node.append(model.graph.node[0])
    return save(model, folder)


def far_too_large(folder: Path) -> Path:
    """A layer of 2048 x 1024 four-bit weights: legal, exact, and beyond the memory of any small board."""
    net = Net([1, 2048])
    weights = np.tile(np.array([[0.5, -0.5], [1.0, -1.0]]), (1024, 512))
    net.quant(net.op("MatMul", net.quant("x", 0.5, 0.0, 4), net.quant(weights, 0.25, 0.0, 4)), 0.7, 0.0, 4)
    return net.save(folder)


NAMES = {
    "quotes": "a\"b'c`d",
    "newlines and escapes": 'fc\n#error "no"\r\n\x1b[31m\x07',
    "a C++ keyword": "register",
    "the top function": "isobit_top",
    "a parent path": "../../../tmp/evil",
    "a template end": "x>>1;*/ } int main() {",
    "a line continuation": "layer \\",
    "trigraphs": "??/ ??= fc",
    "markup": "[bold red]{{ design }}{% raw %}[/]",
    "unicode": "卷积层-ß-\u202e-🚀",
    "digits": "0123",
    "very long": "conv" * 5000,
    "nothing but signs": "/.:-",
    "not a number": "nan",
}


def renamed(name: str) -> Make:
    """The small model with every tensor and node called like that, each a little different at the end."""

    def make(folder: Path) -> Path:
        model = onnx.load(small_model(folder))
        names: dict[str, str] = {"": ""}
        graph = model.graph

        def new(old: str) -> str:
            return names.setdefault(old, name + "'" * len(names))

        for node in graph.node:
            node.name = new("node " + node.name)
            node.input[:] = [new(i) for i in node.input]
            node.output[:] = [new(o) for o in node.output]
        for info in (*graph.input, *graph.output, *graph.initializer):
            info.name = new(info.name)
        graph.name = name
        return save(model, folder)

    return make
