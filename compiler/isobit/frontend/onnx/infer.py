"""One ONNX node at a time: its output shapes, and its value where all inputs are constants.

A node is put alone into a model with neutral tensor names, so that ONNX's own checker, shape inference and
reference implementation work on it whatever the file's names are and whatever unknown operators surround it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import checker, defs, helper, numpy_helper, shape_inference

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.model import Array
from isobit.frontend.onnx.tensors import check_shape, element_type, frozen

# Deterministic operators that a constant expression of an exporter is made of. Their results in float32 are IEEE
# results (that of Log through float64); anything else stays a node, and the frontend says what it needs.
# fmt: off
FOLDABLE = frozenset({
    "Abs", "Add", "And", "Cast", "Ceil", "Clip", "Concat", "ConstantOfShape", "Div", "Equal", "Expand", "Flatten",
    "Floor", "Gather", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Log", "Max", "Min", "Mod", "Mul", "Neg",
    "Not", "Or", "Pow", "Range", "Reciprocal", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Reshape",
    "Round", "Sign", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tile", "Transpose", "Unsqueeze", "Where",
})
# fmt: on
_SHAPE_DATA_LIMIT = 4096


@dataclass(frozen=True)
class Spec:
    """What is known of a tensor: its shape, ONNX element type, and its value if constant."""

    shape: tuple[int, ...]
    elem_type: int
    value: Array | None = None


def constant_spec(value: Array) -> Spec:
    """The spec of a constant."""
    return Spec(value.shape, helper.np_dtype_to_tensor_dtype(value.dtype), value)


def known_opset(opset: int) -> int:
    """The version at which the installed ONNX reads a node of ``opset``.

    From 24 to 28 the operators read here gained element types only (their pages compared), so that an older ONNX reads
    them as its newest version.
    """
    return min(opset, defs.onnx_opset_version())


def infer(node: onnx.NodeProto, inputs: Mapping[str, Spec], opset: int, where: str) -> dict[str, Spec]:
    """Specs of the outputs of a standard node, without values.

    Raises:
        IsobitError: E201 (no such operator), E102 (malformed node), E106 (shapes do not fit or are not static),
            E108 (element type).
    """
    opset = known_opset(opset)
    _check_operator(node, opset, where)
    model = _one_node_model(node, inputs, max(opset, _shape_rules(node)), keep_large=False)
    try:
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except (shape_inference.InferenceError, checker.ValidationError, ValueError, RuntimeError) as error:
        shapes = ", ".join(str(list(inputs[name].shape)) for name in node.input if name)
        message = f"operator {node.op_type} cannot take inputs of shape {shapes} here"
        raise IsobitError("E106", message, where=where, hint=_reason(error)) from error
    found = {info.name: info for info in inferred.graph.output}
    return {
        name: _output_spec(found[f"o{index}"], f"{where}, output '{printable(name)}'")
        for index, name in enumerate(node.output)
        if name
    }


def _shape_rules(node: onnx.NodeProto) -> int:
    """The least opset whose inference is right: before 22 that of pools counts windows that begin behind the data.

    Every implementation leaves them out at every opset where ``ceil_mode`` rounds the number of windows up.
    """
    rounded = any(a.name == "ceil_mode" and a.i for a in node.attribute)
    return 22 if rounded and node.op_type in ("MaxPool", "AveragePool") else 0


def quant_pool_spec(node: onnx.NodeProto, inputs: Mapping[str, Spec], where: str) -> Spec:
    """The output of a QONNX QuantAvgPool2d: square windows without padding over an image of either layout.

    Raises:
        IsobitError: E102 when an attribute is missing, E106 when the window does not fit.
    """
    attributes = {a.name: a for a in node.attribute}
    if len(node.input) != 1 or {"kernel", "stride", "ibits", "obits"} - set(attributes):
        raise IsobitError("E102", "QuantAvgPool2d needs one input, kernel, stride, ibits and obits", where=where)
    kernel, stride = attributes["kernel"].i, attributes["stride"].i
    if not all(1 <= attributes[name].i <= 32 for name in ("ibits", "obits")):
        raise IsobitError("E102", "QuantAvgPool2d needs ibits and obits from 1 to 32", where=where)
    last = "data_layout" in attributes and attributes["data_layout"].s == b"NHWC"
    shape = list(inputs[node.input[0]].shape)
    axes = (1, 2) if last else (2, 3)
    if len(shape) != 4 or kernel < 1 or stride < 1 or min(shape[a] for a in axes) < kernel:
        raise IsobitError("E106", f"a window of {kernel} does not fit an input of shape {shape}", where=where)
    for axis in axes:
        shape[axis] = (shape[axis] - kernel) // stride + 1
    return Spec(tuple(shape), onnx.TensorProto.FLOAT)


def _reason(error: Exception) -> str:
    """The end of an ONNX message, which names the mismatch; what stands before only names our neutral tensors."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "ONNX says: " + printable(lines[-1].split("Error] ")[-1], 200) if lines else ""


def _check_operator(node: onnx.NodeProto, opset: int, where: str) -> None:
    if not defs.has(node.op_type, ""):
        raise IsobitError("E201", f"'{printable(node.op_type)}' is not a standard ONNX operator", where=where)
    context = checker.C.CheckerContext()
    context.ir_version = onnx.IR_VERSION
    context.opset_imports = {"": opset}
    try:
        checker.check_node(_neutral(node), context)
    except checker.ValidationError as error:
        first = str(error).splitlines()[0] if str(error) else ""
        message = f"operator {node.op_type} is malformed or unknown in opset {opset}"
        raise IsobitError("E102", message, where=where, hint="ONNX says: " + printable(first, 200)) from error


def _neutral(node: onnx.NodeProto) -> onnx.NodeProto:
    """The node with tensors i0, i1, ... and o0, o1, ..., in the standard domain."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.domain = ""
    copy.name = ""
    copy.input[:] = [f"i{k}" if name else "" for k, name in enumerate(node.input)]
    copy.output[:] = [f"o{k}" if name else "" for k, name in enumerate(node.output)]
    return copy


def _one_node_model(
    node: onnx.NodeProto, inputs: Mapping[str, Spec], opset: int, *, keep_large: bool
) -> onnx.ModelProto:
    values, initialisers = [], []
    for index, name in enumerate(node.input):
        if not name:
            continue
        spec = inputs[name]
        if spec.value is not None and not keep_large and spec.value.size <= _SHAPE_DATA_LIMIT:
            initialisers.append(numpy_helper.from_array(np.asarray(spec.value, order="C"), f"i{index}"))
        else:
            values.append(helper.make_tensor_value_info(f"i{index}", spec.elem_type, spec.shape))
    outputs = [onnx.ValueInfoProto(name=f"o{k}") for k, name in enumerate(node.output) if name]
    graph = helper.make_graph([_neutral(node)], "one", values, outputs, initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def _output_spec(info: onnx.ValueInfoProto, where: str) -> Spec:
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
        raise IsobitError("E106", "the shape cannot be derived", where=where)
    if not all(dim.HasField("dim_value") for dim in kind.shape.dim):
        raise IsobitError("E106", "the shape depends on values known only at run time", where=where)
    element_type(kind.elem_type, where)
    return Spec(check_shape(tuple(dim.dim_value for dim in kind.shape.dim), where), kind.elem_type)


def fold(
    node: onnx.NodeProto, inputs: Mapping[str, Spec], outputs: Mapping[str, Spec], opset: int, where: str
) -> dict[str, Array]:
    """Values of the outputs of a node of :data:`FOLDABLE` whose inputs are all constants, in the source's own types.

    Raises:
        IsobitError: E204 when the reference implementation rejects the constants.
    """
    from onnx.reference import ReferenceEvaluator  # most files have nothing to fold

    model = _one_node_model(node, inputs, known_opset(opset), keep_large=True)
    feeds = {f"i{k}": inputs[name].value for k, name in enumerate(node.input) if name}
    try:
        with np.errstate(all="ignore"):
            evaluate = _log if node.op_type == "Log" else ReferenceEvaluator(model).run
            results: Any = evaluate(None, feeds)
    except Exception as error:  # the reference implementation documents no exception types
        message = f"operator {node.op_type} cannot be evaluated on these constants"
        raise IsobitError("E204", message, where=where, hint=_reason(error)) from error
    names = [name for name in node.output if name]
    return {name: _checked(result, outputs[name], where) for name, result in zip(names, results, strict=True)}


def _log(names: None, feeds: Mapping[str, Any]) -> list[Array]:
    return [np.log(np.asarray(feeds["i0"], np.float64))]


def _checked(result: object, spec: Spec, where: str) -> Array:
    value = np.asarray(result)
    if value.shape != spec.shape:
        raise IsobitError("E106", f"shape {list(value.shape)} found, {list(spec.shape)} inferred", where=where)
    return frozen(value.astype(helper.tensor_dtype_to_np_dtype(spec.elem_type), copy=True))
