"""QONNX import: a source model becomes an integer graph, exactly.

Every source tensor is tracked as an exact function of an integer value (:mod:`isobit.frontend.qonnx.symbolic`);
operators are functions on those, one table entry each. No node sequences are pattern-matched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.file import load_onnx
from isobit.frontend.onnx.model import SourceModel, SourceNode, TensorInfo
from isobit.frontend.onnx.refused import CAUSES
from isobit.frontend.qonnx import (
    activations,
    batchnorm,
    convolutions,
    elementwise,
    extrema,
    linear_quantisers,
    movement,
    padding,
    pools,
    products,
    quantisers,
    resizing,
    roundings,
    shapes,
    small_floats,
    tapered,
)
from isobit.frontend.qonnx.builder import Builder, FunctionOrigin, Origin
from isobit.frontend.qonnx.early import refuse_floats
from isobit.frontend.qonnx.float_arithmetic import Asked, FloatArithmetic
from isobit.frontend.qonnx.input_type import ELEMENT_TYPES, TYPE_NAME, InputType
from isobit.frontend.qonnx.quantise_first import quantised_first
from isobit.frontend.qonnx.reach import within_float32
from isobit.frontend.qonnx.rows import with_batch
from isobit.frontend.qonnx.symbolic import Function, HostReal, Real, Tensor, rationals
from isobit.frontend.qonnx.tabulate import materialised
from isobit.ir import Graph
from isobit.ir.ops import HostOp, Input, Output, frozen_ints

Handler = Callable[[Builder, SourceNode], Any]
_OPERATORS: Mapping[str, Handler] = {
    "Add": elementwise.import_arithmetic,
    "ArgMax": shapes.import_select,
    "AveragePool": pools.import_average,
    "BatchNormalization": batchnorm.import_batchnorm,
    "BipolarQuant": quantisers.import_bipolar,
    "Cast": roundings.import_rounding,
    "Ceil": roundings.import_rounding,
    "Clip": elementwise.import_clip,
    "Concat": shapes.import_concat,
    "Conv": convolutions.import_conv,
    "ConvTranspose": convolutions.import_conv_transpose,
    "DepthToSpace": movement.import_depth_to_space,
    "DequantizeLinear": linear_quantisers.import_dequantize_linear,
    "Div": elementwise.import_arithmetic,
    "Expand": movement.import_repeated,
    "Flatten": shapes.import_reshape,
    "FloatQuant": small_floats.import_float_quant,
    "Floor": roundings.import_rounding,
    "Gather": movement.import_slice,
    "Gemm": products.import_gemm,
    "GlobalAveragePool": pools.import_average,
    "GlobalMaxPool": pools.import_maxpool,
    "LeakyRelu": elementwise.import_leaky,
    "LogSoftmax": shapes.import_softmax,
    "MatMul": products.import_matmul,
    "MaxPool": pools.import_maxpool,
    "Mul": elementwise.import_arithmetic,
    "MultiThreshold": quantisers.import_multithreshold,
    "Neg": elementwise.import_neg,
    "PRelu": elementwise.import_leaky,
    "Pad": padding.import_pad,
    "Quant": quantisers.import_quant,
    "QuantAvgPool2d": pools.import_quant_average,
    "QuantizeLinear": linear_quantisers.import_quantize_linear,
    "ReduceMax": pools.import_reduce,
    "ReduceMin": pools.import_reduce,
    "ReduceSum": pools.import_reduce,
    "ReduceMean": pools.import_reduce_mean,
    "Relu": elementwise.import_relu,
    "Reshape": shapes.import_reshape,
    "Resize": resizing.import_upsample,
    "Round": roundings.import_rounding,
    "Sigmoid": elementwise.import_smooth,
    "Sign": quantisers.import_sign,
    "Slice": movement.import_slice,
    "Softmax": shapes.import_softmax,
    "SpaceToDepth": movement.import_depth_to_space,
    "Split": movement.import_split,
    "Squeeze": shapes.import_reshape,
    "Sub": elementwise.import_arithmetic,
    "Tanh": elementwise.import_smooth,
    "TaperedDecode": tapered.import_tapered_decode,
    "TaperedQuant": tapered.import_tapered_quant,
    "Tile": movement.import_repeated,
    "TopK": shapes.import_select,
    "Transpose": shapes.import_transpose,
    "Trunc": quantisers.import_trunc,
    "Unsqueeze": shapes.import_reshape,
    "Upsample": resizing.import_upsample,
    "Where": activations.import_where,
    **dict.fromkeys(activations.ACTIVATIONS, activations.import_activation),
    **dict.fromkeys(activations.COMPARISONS, activations.import_integer_function),
    **dict.fromkeys(("Max", "Min"), extrema.import_extreme),
    **dict.fromkeys(("Log", "Sqrt"), activations.import_root),
    "Pow": activations.import_pow,
}
_TAKE_FUNCTIONS = frozenset(
    """
    Add BatchNormalization BipolarQuant Cast Ceil Clip Div Floor LeakyRelu Log Max Min Mul MultiThreshold Neg PRelu Pow
    Quant QuantizeLinear Relu Round Sigmoid Sign Sqrt Sub Tanh TaperedQuant
    Transpose Where
    """.split()
) | {*activations.ACTIVATIONS, *activations.COMPARISONS}
"""Operators that work on a function as it is; the others take its integers, where all its values are rational."""
_GRIDS = frozenset({"BipolarQuant", "DequantizeLinear", "Quant", "TaperedQuant"})
"""Their outputs are integers times a float32 scale."""
_SUMS = frozenset({"AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"})
"""In float32 they round once, at the end."""
_READ = frozenset(
    """
    Add BatchNormalization Clip Concat Conv Div Flatten Gather Gemm GlobalMaxPool LeakyRelu MatMul MaxPool Mul
    MultiThreshold Neg PRelu QuantizeLinear Relu Reshape Slice Split Squeeze Sub Transpose Unsqueeze
    """.split()
)
"""Their float32 arithmetic is what the symbolic value says of it."""


def import_onnx(path: Path, input_type: InputType | None = None) -> Graph:
    """Read a QONNX file into an integer graph.

    Args:
        path: the ``.onnx`` file.
        input_type: take the (only) raw input as these integers; an annotation in the file is used when absent.

    Raises:
        IsobitError: E1xx when the file cannot be used, E2xx when the model has no exact integer meaning.
    """
    return import_model(load_onnx(path), input_type)


@dataclass(frozen=True)
class Imported:
    """The graph, and what the source check needs: the exact real of every source tensor, the origin of every step."""

    graph: Graph
    tensors: Mapping[str, Tensor]
    origins: Mapping[str, Origin | FunctionOrigin]
    arithmetic: FloatArithmetic


def import_model(model: SourceModel, input_type: InputType | None = None) -> Graph:
    """:func:`import_onnx` for a model already loaded."""
    return import_traced(model, input_type).graph


def import_traced(model: SourceModel, input_type: InputType | None = None, arithmetic: Asked = "exact") -> Imported:
    """:func:`import_model`, keeping the symbolic value of every source tensor.

    Args:
        arithmetic: what the staircases follow; ``auto`` is float32 where exact arithmetic meets ties systematically.
    """
    try:
        made = _import_all(model, input_type, arithmetic)
    except IsobitError:  # what cannot be moved as it is may have a quantiser that can go first
        model = quantised_first(given := model)
        if model is given:
            raise
        made = _import_all(model, input_type, arithmetic)
    if arithmetic == "auto" and any(layer.systematic for layer in made.arithmetic.ties):
        return _import_all(model, input_type, "float32")
    return made


def _import_all(model: SourceModel, input_type: InputType | None, arithmetic: Asked) -> Imported:
    work = Import(model, input_type, arithmetic)
    for node in work.model.nodes:  # an operator that cannot be read is named before any work
        _operator(work.builder, node)
    work.refuse_early()
    for node in work.model.nodes:
        work.node(node)
    for info in work.model.outputs:
        work.output(info)
    b = work.builder
    return Imported(b.graph(), b.tensors, b.origins, b.arithmetic)


class Import:
    """An import in steps: every node of ``model`` in order, then every output; ``builder`` holds what was made."""

    def __init__(self, model: SourceModel, input_type: InputType | None = None, arithmetic: Asked = "exact") -> None:
        self.model, self._tails = linear_quantisers.behind_softmax(with_batch(model))
        self.builder = Builder(self.model, arithmetic=FloatArithmetic(arithmetic))
        for info in self.model.inputs:
            declared = input_type or _annotated(self.model, info)
            self.builder.tensors[info.name] = _raw_input(self.builder, info, declared)

    def refuse_early(self) -> None:
        """Refuse what nothing could be read of, before any operator is: a network of floats (E203, E209)."""
        if all(isinstance(value, HostReal) for value in self.builder.tensors.values()):
            refuse_floats(self.model)

    def node(self, node: SourceNode) -> None:
        """Import one node, whose inputs are known.

        Raises:
            IsobitError: E2xx when it has no exact integer meaning.
        """
        b, handler = self.builder, _operator(self.builder, node)
        if node.op not in _TAKE_FUNCTIONS:
            for name in node.inputs:
                _materialise(b, node, name)
        made = handler(b, node)
        made = made if isinstance(made, dict) else {_produced(node): made}
        b.tensors |= {name: within_float32(b, node, _read(node, value)) for name, value in made.items()}

    def output(self, info: TensorInfo) -> None:
        """Emit one output of the graph.

        Raises:
            IsobitError: E203 when nothing quantises it.
        """
        b = self.builder
        _materialise(b, None, info.name)
        shapes.import_output(b, info)
        _extend(b, linear_quantisers.host_quantisers(b, self._tails.get(info.label, ())))


def _materialise(b: Builder, node: SourceNode | None, name: str) -> None:
    """A function whose values are all integers times one rational becomes these integers."""
    value = b.tensors.get(name)
    if isinstance(value, Function):
        maker = node or next(n for n in b.model.nodes if name in n.outputs)
        b.tensors[name] = materialised(b, maker, value) or value


def _extend(b: Builder, tail: tuple[HostOp, ...]) -> None:
    """More work for the host behind the output emitted last."""
    output = next(reversed(b.nodes.values()))
    assert isinstance(output, Output)
    b.nodes[output.name] = replace(output, host=(*output.host, *tail))


def _read(node: SourceNode, value: Tensor) -> Tensor:
    """A real tensor with its float32 arithmetic, where the operator's is known."""
    if not isinstance(value, Real) or node.op in _READ:
        return value
    if node.op in _SUMS:
        return value.just_summed
    return value.just_quantised if node.op in _GRIDS else value.unread


def _operator(b: Builder, node: SourceNode) -> Handler:
    handler = _OPERATORS.get(node.op)
    if handler is None and (cause := CAUSES.get(node.op)):
        raise IsobitError(cause.code, f"{node.op}: {cause.why}", where=b.where(node), hint=cause.hint)
    if handler is None:
        raise IsobitError(
            "E201", f"{printable(node.op)} is not supported", where=b.where(node),
            hint="supported: " + ", ".join(sorted(_OPERATORS)),
        )  # fmt: skip
    return handler


def _produced(node: SourceNode) -> str:
    """The output that is used: the indices for TopK, the first otherwise."""
    return node.outputs[1] if node.op == "TopK" else node.outputs[0]


def _annotated(model: SourceModel, info: TensorInfo) -> InputType | None:
    """The integer type that the file declares for an input, by annotation or by element type."""
    name = model.annotations.get(info.name, "") or ELEMENT_TYPES.get(info.dtype, "")
    match = TYPE_NAME.fullmatch(name)
    return InputType.parse(name) if match and name not in ("UINT", "INT") else None


def _raw_input(b: Builder, info: TensorInfo, declared: InputType | None) -> Tensor:
    shape = info.shape[1:] if len(info.shape) > 1 else info.shape
    if declared is None:
        return HostReal(info.label, shape, shape)
    layout = b.input_layout(len(shape), info.name)
    name = b.emit(
        Input(
            name=b.fresh(info.label), shape=tuple(shape[a] for a in layout),
            lo=frozen_ints(declared.lo), hi=frozen_ints(declared.hi), scale=(declared.scale,),
            outside=info.label, outside_shape=shape, host=b.host_transpose(layout), source=(printable(info.label),),
            dtype=info.dtype if info.dtype in ELEMENT_TYPES else "",
        )
    )  # fmt: skip
    return Real.of(name, layout, rationals([declared.scale]), rationals([0]))
