"""A loaded model written as an ONNX file again."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from isobit.frontend.onnx.model import SourceModel, SourceNode

_DOMAINS = {"": "", "qonnx": "qonnx.custom_op.general"}
_IR_VERSION, _OPSET = 9, 13


def to_proto(model: SourceModel) -> onnx.ModelProto:
    """The model with its constants as initializers; shapes have batch size 1 and outputs their labels."""
    named = {info.name: info.label for info in (*model.inputs, *model.outputs)}
    nodes = [_node(n, named) for n in model.nodes]
    used = {name for n in model.nodes for name in n.inputs} & set(model.constants)
    constants = [numpy_helper.from_array(np.ascontiguousarray(model.constants[n]), n) for n in sorted(used)]
    inputs = [_info(i.label, i.dtype, i.shape) for i in model.inputs]
    outputs = [_info(o.label, o.dtype, o.shape) for o in model.outputs]
    graph = helper.make_graph(nodes, "refit", inputs, outputs, constants)
    opsets = {n.domain: n.opset for n in model.nodes}
    imports = [helper.make_opsetid(_DOMAINS[d], v) for d, v in sorted(({"": _OPSET} | opsets).items())]
    return helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION, producer_name="isobit")


def _info(name: str, dtype: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype)) if dtype != "bool" else TensorProto.BOOL
    return helper.make_tensor_value_info(name, kind, list(shape))


def _node(node: SourceNode, named: dict[str, str]) -> onnx.NodeProto:
    inputs, outputs = ([named.get(n, n) for n in names] for names in (node.inputs, node.outputs))
    made: dict[str, Any] = {k: list(v) if isinstance(v, tuple) else v for k, v in node.attrs.items()}
    made = {k: numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v for k, v in made.items()}
    return helper.make_node(node.op, inputs, outputs, name=node.name, domain=_DOMAINS[node.domain], **made)
