"""QONNX with a domain of our own: one node for every node of the graph, to be looked at, run and analysed with qonnx.

A node carries its line of the graph's text as ``doc_string``, which viewers show. Tensors are int64 and annotated with
the narrowest QONNX integer type. The batch is 1, as in most QONNX files.
"""

from __future__ import annotations

from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper

from isobit.interchange.arrays import compact, described
from isobit.interchange.border import ports
from isobit.interchange.fits import refuse_wide
from isobit.interchange.onnx_file import IR_VERSION, OPSET, prefix_of
from isobit.ir import Graph, ops, print_graph
from isobit.ir.types import ValueType
from isobit.version import __version__

DOMAIN, DOMAIN_VERSION = "isobit.interchange.qonnx_ops", 1
_SKIPPED = {"outside"}


def qonnx_model(graph: Graph) -> onnx.ModelProto:
    """The graph, whichever passes have been over it.

    Raises:
        IsobitError: E615 when it needs more than 64 bits.
    """
    refuse_wide(graph)
    sides = {port.node: port for port in ports(graph)}
    prefix = prefix_of(tuple(sides.values()))
    lines = dict(zip(graph.by_name, print_graph(graph, full=False).splitlines()[1:], strict=True))
    nodes, initializers, values, notes = [], [], [], []
    for node in graph.nodes:
        kind = graph.types[node.name]
        facts, arrays = described(graph, node)
        operands = [prefix + name for name in node.inputs]
        if isinstance(node, ops.Input):
            operands = [sides[node.name].name]
        output = sides[node.name].name if isinstance(node, ops.Output) else prefix + node.name
        stored = {part: f"{prefix}{node.name}.{part}" for part in arrays}
        initializers += [numpy_helper.from_array(compact(a), stored[part]) for part, a in arrays.items()]
        attributes = {key: value for key, value in facts.items() if key not in _SKIPPED and value not in ([], ())}
        nodes.append(
            helper.make_node(
                type(node).__name__, [*operands, *stored.values()], [output], name=node.name, domain=DOMAIN,
                doc_string=lines[node.name], operands=len(operands), datatype=datatype(kind),
                shape=facts["outside_shape"] if isinstance(node, ops.Output) else list(kind.shape),
                **attributes | ({"parts": list(arrays)} if arrays else {}),
            )
        )  # fmt: skip
        notes.append(_note(output, kind))
        if isinstance(node, ops.Input):
            notes.append(_note(operands[0], kind))
        if not isinstance(node, ops.Output):
            values.append(_info(output, kind.shape))
    inputs, outputs = ([_info(p.name, p.shape) for p in sides.values() if p.is_input == side] for side in (True, False))
    made = helper.make_graph(nodes, "isobit", inputs, outputs, initializers, value_info=values)
    made.quantization_annotation.extend(notes)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, DOMAIN_VERSION)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "isobit", __version__
    return model


def datatype(kind: ValueType) -> str:
    """The name of QONNX's narrowest integer type for a value."""
    return f"{'INT' if kind.signed else 'UINT'}{max(kind.bits, 1)}"


def _info(name: str, shape: tuple[int, ...]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.INT64, [1, *shape])


def _note(name: str, kind: ValueType) -> onnx.TensorAnnotation:
    entry = onnx.StringStringEntryProto(key="finn_datatype", value=datatype(kind))
    return onnx.TensorAnnotation(tensor_name=name, quant_parameter_tensor_names=[entry])
