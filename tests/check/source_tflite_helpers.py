"""What the tests of the TFLite evaluator share: drawn networks, and the comparison with LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isobit.check.source.tflite.evaluate import evaluate_tflite
from isobit.check.source.tflite.file import read_tflite
from isobit.errors import IsobitError
from isobit.frontend.tflite.file import load_tflite
from isobit.frontend.tflite.importer import begin, import_operator, import_output
from isobit.frontend.tflite.model import LIMITS, TfliteModel, TfliteOperator
from isobit.interp import quantise, run
from isobit.ir.ops import Input
from tests.litert import run_reference
from tests.tflite_builder import TfliteNet

BOTH = pytest.mark.parametrize("dtype", ["int8", "uint8"])
SAME, VALID = 0, 1


class Draw(TfliteNet):
    """A network whose scales, zero points and constants are drawn."""

    def __init__(self, dtype: str, seed: int = 0) -> None:
        super().__init__(dtype)
        self.rng = np.random.default_rng(seed)

    def zero(self, dtype: str = "") -> int:
        low, high = LIMITS[dtype or self.dtype]
        if high > 255:  # 16-bit kernels take symmetric tensors
            return 0
        return int(self.rng.integers(low + 40, high - 40))

    def scale(self, low: float = 0.02, high: float = 0.1) -> float:
        return float(np.float32(np.exp(self.rng.uniform(np.log(low), np.log(high)))))

    def scale_of(self, index: int) -> float:
        return self.tensors[index].scale[0]

    def beside_halves(self, real: float) -> float:
        """An output scale by which some integers times ``real`` are halves but for the scale's last bits."""
        whole = int(self.rng.integers(20, 200))
        return float(np.float32(real * 2 * whole / (2 * self.rng.integers(0, whole) + 1)))

    def integers_of(self, shape: Sequence[int], dtype: str = "") -> NDArray[np.int64]:
        low, high = LIMITS[dtype or self.dtype]
        return self.rng.integers(low, high + 1, tuple(shape))

    def image(self, *shape: int) -> int:
        return self.input((1, *shape), self.scale(), self.zero())

    def operand(self, *shape: int) -> int:
        """A quantised constant of an elementwise operator."""
        return self.const(self.integers_of(shape), self.scale(), self.zero())

    def filters(
        self, shape: Sequence[int], axis: int, image: int, per_channel: bool = True, bias: str = ""
    ) -> list[int]:
        """Weights and their bias; uint8 weights have one scale and a zero point, those of int16 images are int8."""
        int8, kind = self.dtype != "uint8", "int8" if self.dtype == "int16" else self.dtype
        channels = shape[axis]
        scales = [self.scale() for _ in range(channels if per_channel and int8 else 1)]
        zero = 0 if int8 else self.zero()
        products = [self.tensors[image].scale[0] * s for s in scales]
        weights = self.const(self.integers_of(shape, kind), scales, zero, axis=axis, dtype=kind)
        read = bias or ("int64" if self.dtype == "int16" else "int32")
        return [weights, self.integers(self.rng.integers(-9000, 9000, channels), products, read)]

    def make(self, op: str, inputs: Sequence[int], shape: Sequence[int], scale: float = 0.0, **options: Any) -> int:
        return self.op(op, inputs, (1, *shape), scale or self.scale(), self.zero(), **options)

    def move(
        self, op: str, inputs: Sequence[int], shapes: Sequence[Sequence[int]], data: int = 0, **options: Any
    ) -> None:
        """An operator whose outputs have the quantisation of one of its inputs."""
        given = self.tensors[inputs[data]]
        self.ops(op, inputs, shapes, given.scale, given.zero_point[0], **options)


def agree(
    net: TfliteNet,
    folder: Path,
    samples: int = 3,
    inputs: dict[int, Any] | None = None,
    spread: int = 4,
    refused: Sequence[int] = (),
) -> None:
    """Every tensor that an operator makes is LiteRT's, in the evaluator and in the imported graph.

    At least one takes many values. ``refused``: the operators that the import does not take, by their place.
    """
    path = net.save(folder / "model.tflite", [o for operator in net.operators for o in operator.outputs])
    model, rng = load_tflite(path), np.random.default_rng(1)
    given = inputs or {i: _random(net, i, samples, rng) for i in net.inputs}
    mine, theirs = evaluate_tflite(read_tflite(path), given), run_reference(path, given)
    assert set(mine) == {o for operator in model.operators for o in operator.outputs}
    for operator in model.operators:
        for index in operator.outputs:
            _same(operator, mine[index], theirs[index].astype(np.int64))
    assert max(len(np.unique(found)) for found in mine.values()) >= spread
    _imported_alike(model, given, theirs, list(refused))


def _imported_alike(
    model: TfliteModel, given: dict[int, Any], theirs: dict[int, NDArray[Any]], refused: list[int]
) -> None:
    b, left = begin(model), []
    for operator in model.operators:
        try:
            import_operator(b, operator)
        except IsobitError:
            left.append(operator.index)
            continue
        for index in operator.outputs:
            import_output(b, index)
    assert left == refused
    if len(left) == len(model.operators):
        return
    graph = b.graph()
    tensors = {model.tensors[i].name: i for i in model.inputs}
    floats = {node.name: given[tensors[node.outside]] for node in graph.inputs}
    found = run(graph, {node.name: _as_integers(node, floats[node.name]) for node in graph.inputs}, taps=True)
    for operator in model.operators:
        for index in operator.outputs if operator.index not in refused else ():
            value, tensor = b.values[index], model.tensors[index]
            zero = tensor.zero_point[0] if tensor.zero_point else 0
            made = found[value.name] - value.zero + zero
            _same(operator, made, theirs[index].astype(np.int64).reshape(made.shape))


def _as_integers(node: Input, x: NDArray[Any]) -> NDArray[Any]:
    return quantise(node, x) if x.dtype == np.float32 else x.astype(np.int64)


def _same(operator: TfliteOperator, found: NDArray[np.int64], expected: NDArray[np.int64]) -> None:
    assert found.shape == expected.shape, operator
    wrong = np.argwhere(found != expected)
    for at in map(tuple, wrong[:1].tolist()):
        pytest.fail(f"{operator}{list(at)}: {found[at]}, LiteRT {expected[at]} ({len(wrong)} of {found.size} differ)")


def _random(net: TfliteNet, index: int, samples: int, rng: np.random.Generator) -> NDArray[Any]:
    tensor = net.tensors[index]
    low, high = LIMITS[tensor.dtype]
    return rng.integers(low, high + 1, (samples, *tensor.shape[1:])).astype(tensor.dtype)


def places(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """Output positions along an axis."""
    reach = (kernel - 1) * dilation + 1
    return -(-(size if padding == SAME else size - reach + 1) // stride)


def steps(stride: tuple[int, int], dilation: tuple[int, int], padding: int) -> dict[str, int]:
    options = {"stride_h": stride[0], "stride_w": stride[1], "padding": padding}
    return options | {"dilation_h_factor": dilation[0], "dilation_w_factor": dilation[1]}


def every_integer(dtype: str) -> NDArray[np.int64]:
    """Every integer of a type, in order."""
    low, high = LIMITS[dtype]
    return np.arange(low, high + 1)
