"""The second reading of a file: exact accumulators, and float32 arithmetic element by element behind them.

Beside the exact value of every tensor runs what the file's own float32 operators make of it: numpy's float32 operations
in the file's order. Sums (convolutions, products, averages, additions of two activations) are exact and rounded once,
because their order in float32 is nobody's; a product of two quantised tensors is the integer sum times the float32
product of both scales. A quantiser takes the float32 value; what it makes is exact again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isobit.check.source.exact.constants import RAW_OPERATORS
from isobit.check.source.exact.file import CHANNELS_LAST, FileNode
from isobit.check.source.exact.quant import along_axis
from isobit.check.source.exact.tensor import ExactTensor, from_floats, from_fractions, multiply
from isobit.errors import IsobitError

Floats = NDArray[Any]
Value = ExactTensor | Floats
Run = Callable[[FileNode, list[Value | None]], Any]
_QUANTISERS = ("Quant", "BipolarQuant", "QuantizeLinear")
_COMPARING = ("MultiThreshold", "Sign", "Floor", "Ceil", "Round")
_GRIDS = ("Quant", "BipolarQuant", "DequantizeLinear", "TaperedDecode", "TaperedQuant")
_PRODUCTS = ("Conv", "MatMul", "Gemm")
_MOVES = frozenset("Concat Dropout Flatten Gather Identity Reshape Slice Split Squeeze Transpose Unsqueeze".split())
_POOLS = ("MaxPool", "GlobalMaxPool")
_TWO = ("Add", "Sub", "Mul", "Div")
_ALONE = ("Neg", "BatchNormalization", "Relu", "Clip")
_MIDDLE, _BELOW = 1 << 28, (1 << 29) - 1
_NORMAL = Fraction(1, 1 << 126)


@dataclass(frozen=True, eq=False)
class Shadow:
    """A tensor in float32; ``scale``, of one element or of its shape, where a quantiser has just made it.

    ``exact`` is the same tensor in exact arithmetic, for what reads it.
    """

    values: Floats
    scale: Floats | None = None
    exact: ExactTensor | None = None


class Float32:
    """The float32 side of one evaluation, tensor by tensor in an order of execution.

    Args:
        dependent: the tensors that depend on an input; ``exact`` those whose quantiser stays in exact arithmetic.
        run: executes an operator on given values in exact arithmetic.
    """

    def __init__(self, dependent: frozenset[str], exact: frozenset[str], run: Run) -> None:
        self.dependent, self.exact, self.run = dependent, exact, run
        self.shadows: dict[str, Shadow] = {}

    def seen(self, node: FileNode, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """``values`` as ``node`` shall see them: a quantiser sees the float32 side of its data."""
        name = node.inputs[0] if node.inputs else ""
        follows = node.op in (*_QUANTISERS, *_COMPARING) and node.outputs[0] not in self.exact
        if not follows or name not in self.dependent or not isinstance(values[name], ExactTensor):
            return values
        data = self._shadow(name, values).values
        return {**values, name: from_floats(data) if node.op in _COMPARING else data}

    def remember(self, node: FileNode, values: Mapping[str, Value], results: Mapping[str, Value]) -> None:
        """The float32 side of what ``node`` made."""
        if not any(isinstance(value, ExactTensor) for value in results.values()):
            return
        if node.domain == CHANNELS_LAST:
            made: Any = self._channels_last(node, values, results)
        else:
            made = self._made(node, [self._shadow(name, values) if name else None for name in node.inputs], results)
        both = zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=False)
        self.shadows.update({name: shadow for name, shadow in both if name})

    def _shadow(self, name: str, values: Mapping[str, Value]) -> Shadow:
        value = values[name]
        if not isinstance(value, ExactTensor):  # weights that are integers already have scale one
            floats = value.astype(np.float32) if value.dtype.kind == "f" else value
            return Shadow(floats, np.ones(1, np.float32), from_floats(value))
        return replace(self.shadows[name] if name in self.shadows else Shadow(rounded(value)), exact=value)

    def _made(self, node: FileNode, given: list[Shadow | None], results: Mapping[str, Value]) -> Any:
        first = next(iter(results.values()))
        assert isinstance(first, ExactTensor)
        data = [shadow.values if shadow else None for shadow in given]
        moving = sum(name in self.dependent for name in node.inputs)
        shapes = [value.shape for value in results.values()]
        if node.op in _GRIDS:
            return Shadow(rounded(first), _scale(node, data, first))
        if node.op in _PRODUCTS:
            return Shadow(self._product(node, given, first))
        if node.op in _MOVES:
            return _moved(node, given, shapes)
        if node.op in _POOLS:
            kept = given[0].scale if given[0] is not None and given[0].scale is not None else None
            pooled = rounded(self.run(node, [from_floats(data[0]), *data[1:]]))  # type: ignore[arg-type]
            return Shadow(pooled, kept if kept is not None and kept.size == 1 else None)
        if node.op in _ALONE or (node.op in _TWO and moving == 1):
            return Shadow(np.asarray(RAW_OPERATORS[node.op](node, data, shapes), np.float32))
        if node.op in ("LeakyRelu", "PRelu"):
            alpha = node.attrs.get("alpha", 0.01)
            slope = data[1] if node.op == "PRelu" else np.float32(alpha if isinstance(alpha, int | float) else 0.01)
            assert data[0] is not None and slope is not None
            return Shadow(np.where(data[0] < 0, data[0] * slope, data[0]))
        return tuple(Shadow(rounded(v)) if isinstance(v, ExactTensor) else Shadow(v) for v in results.values())

    def _product(self, node: FileNode, given: list[Shadow | None], made: ExactTensor) -> Floats:
        """The exact sum of products on the float32 product of the scales, rounded; then the bias in float32."""
        if any(node.attrs.get(name, 1) != 1 for name in ("alpha", "beta")):
            raise IsobitError("E202", "float32 arithmetic of a Gemm with alpha or beta")
        one, other = given[:2]
        assert one is not None and other is not None
        left = node.inputs[0] not in self.dependent
        ratio = _ratio(node, *((other, one) if left else (one, other)), left)
        bias = given[2] if len(given) > 2 else None
        if bias is None:
            return rounded(multiply(made, ratio))
        product = rounded(multiply(self.run(replace(node, inputs=node.inputs[:2]), [one.exact, other.exact]), ratio))
        column = (-1, *(1,) * (product.ndim - 2)) if node.op == "Conv" else bias.values.shape
        return np.asarray(product + bias.values.astype(np.float32).reshape(column))

    def _channels_last(self, node: FileNode, values: Mapping[str, Value], results: Mapping[str, Value]) -> Shadow:
        """QONNX's channels-last operators: the standard one between two turns."""
        turned = [self._shadow(name, values) for name in node.inputs]
        for index in range(2 if node.op == "Conv" else 1):
            turned[index] = _turn(turned[index], -1, 1)
        (result,) = (value for value in results.values() if isinstance(value, ExactTensor))
        there: dict[str, Value] = {node.outputs[0]: result.map(lambda num: np.moveaxis(num, -1, 1))}
        return _turn(self._made(replace(node, domain=""), [*turned], there), 1, -1)


def rounded(tensor: ExactTensor) -> Floats:
    """Each element rounded to float32 once.

    Float64 between is harmless but for values whose float64 lies half way between two float32: there the exact value
    says on which side it is.
    """
    wide = tensor.to_float()
    halves = (wide.view(np.uint64) & np.uint64(_BELOW)) == _MIDDLE
    for index in map(tuple, np.argwhere(halves | (np.abs(wide) < 2.0**-125))):
        here, exact = Fraction(float(wide[index])), tensor[index]
        if here != exact:
            wide[index] = np.nextafter(wide[index], np.inf if exact > here else -np.inf)
    with np.errstate(over="ignore"):
        return np.asarray(wide.astype(np.float32))


def _ratio(node: FileNode, x: Shadow, weights: Shadow, left: bool) -> ExactTensor:
    """What the float32 product of two scales is of the exact one, per output channel; one where there are not two.

    Args:
        left: the weights stand on the left of a MatMul.
    """
    one = from_floats(np.ones(1, np.float32))
    if x.scale is None or (x.scale != x.scale.flat[0]).any():
        return one
    if weights.scale is None:
        raise IsobitError("E202", "float32 arithmetic of weights that no uniform quantiser made")
    scale = np.broadcast_to(weights.scale, weights.values.shape)
    if node.op != "Conv" and not left and not node.attrs.get("transB", 0):
        scale = np.moveaxis(scale, -1, 0)
    rows = scale.reshape(len(scale), -1)
    if (rows != rows[:, :1]).any():
        raise IsobitError("E202", "float32 arithmetic of weights whose scale varies inside an output")
    first = np.float32(x.scale.flat[0])
    ratios = [_rounded_share(first, s) for s in rows[:, 0]]
    rank = weights.values.ndim if node.op == "Conv" else 2
    shape = (-1, *(1,) * (rank - 2)) if node.op == "Conv" else (-1, 1) if left else (-1,)
    return from_fractions(ratios, (len(ratios),)).map(lambda num: num.reshape(shape))


def _rounded_share(one: Any, other: Any) -> Fraction:
    """The float32 product of two float32 numbers by the exact one; 1 where it is below the normal numbers."""
    product = Fraction(float(one)) * Fraction(float(other))
    return Fraction(float(one * other)) / product if abs(product) >= _NORMAL else Fraction(1)


def _scale(node: FileNode, data: list[Floats | None], made: ExactTensor) -> Floats | None:
    scale = data[1]
    assert scale is not None
    if node.op == "DequantizeLinear":
        scale = along_axis(scale, made, node.attrs)
    scale = np.asarray(scale, np.float32)
    return scale.reshape(1) if scale.size == 1 else np.broadcast_to(scale, made.shape)


def _moved(node: FileNode, given: list[Shadow | None], shapes: list[tuple[int, ...]]) -> tuple[Shadow, ...]:
    """Values and scales take the same way."""
    parts = [shadow for shadow in given if shadow is not None]
    moving = parts if node.op == "Concat" else parts[:1]
    others: list[Floats] = [] if node.op == "Concat" else [shadow.values for shadow in parts[1:]]

    def move(arrays: list[Floats]) -> tuple[Floats, ...]:
        made = RAW_OPERATORS[node.op](node, [*arrays, *others], shapes)
        return made if isinstance(made, tuple) else (made,)

    values = move([s.values for s in moving])
    scales = [None if s.scale is None else np.broadcast_to(s.scale, s.values.shape) for s in moving]
    if any(scale is None for scale in scales):
        return tuple(map(Shadow, values))
    return tuple(map(Shadow, values, move([s for s in scales if s is not None])))


def _turn(shadow: Shadow, source: int, target: int) -> Shadow:
    scale = shadow.scale
    if scale is not None and scale.size > 1:
        scale = np.moveaxis(scale, source, target)
    exact = None if shadow.exact is None else shadow.exact.map(lambda num: np.moveaxis(num, source, target))
    return Shadow(np.moveaxis(shadow.values, source, target), scale, exact)
