"""Does a file's integer graph compute the file? Every output of the graph against exact rational arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from isobit.check.source.exact.evaluate import evaluate_exact
from isobit.frontend.qonnx.importer import import_onnx
from isobit.frontend.qonnx.input_type import InputType
from isobit.interp import quantise, run
from isobit.ir import Graph, HostOp
from isobit.ir.ops import Output
from isobit.passes import optimise
from tests.onnx_builder import Net


def assert_exact(
    net: Net, folder: Path, x: Any, *outputs: str, input_type: InputType | None = None, **versions: int
) -> Graph:
    """Import the net, run it on the float batch ``x`` before and after the passes, compare; the imported graph."""
    path = net.save(folder, *outputs, **versions)
    x = np.asarray(x, dtype=np.float32)
    graph = import_onnx(path, input_type)
    wanted = evaluate_exact(path, {"x": x})
    for candidate in (graph, optimise(graph)):
        integers = run(candidate, {node.name: quantise(node, x) for node in candidate.inputs})
        for node in candidate.outputs:
            _compare(node, real_output(node, integers[node.name]), wanted[node.outside])
    return graph


def _compare(node: Output, got: Any, wanted: Any) -> None:
    assert got.shape == wanted.shape, node.outside
    for index in product(*(range(n) for n in got.shape)):
        assert got[index] == wanted[index], (node.outside, index)


def real_output(node: Output, integers: Any) -> Any:
    """The exact real values of an output, in the file's layout: an object array of Fractions."""
    scale, offset = (np.array(v, dtype=object) for v in (node.scale, node.offset))
    real = integers.astype(object) * scale + offset
    for op in node.host:
        real = _HOST[op.kind](op, real)
    return real


def _values(op: HostOp) -> Any:
    return np.array([Fraction(v) for v in op.values], dtype=object).reshape(op.shape)


def _clip(op: HostOp, x: Any) -> Any:
    lo, hi = op.values
    return np.vectorize(lambda v: v if lo <= v <= hi else Fraction(lo) if v < lo else Fraction(hi), otypes=[object])(x)


_HOST: dict[str, Callable[[HostOp, Any], Any]] = {
    "add": lambda op, x: x + _values(op),
    "clip": _clip,
    "leaky": lambda op, x: np.where(x >= 0, x, x * _values(op)),
    "logsoftmax": lambda op, x: x,  # the exact evaluator leaves the logits, too
    "mul": lambda op, x: x * _values(op),
    "reshape": lambda op, x: x.reshape(len(x), *op.shape),
    "softmax": lambda op, x: x,
    "transpose": lambda op, x: x.transpose(0, *(a + 1 for a in op.shape)),
}


def every_level(bits: int = 8, scale: float = 1.0) -> Any:
    """A float batch of shape (levels, 1) that makes a signed quantiser of this scale give each of its integers."""
    return np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1))[:, np.newaxis] * np.float32(scale)
