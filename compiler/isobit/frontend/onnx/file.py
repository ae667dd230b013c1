"""Load an ONNX or QONNX file: the one door through which a user's model enters.

Guarantees: constant expressions are folded in the source's own arithmetic, Identity-like nodes are gone, the batch
size is 1, every shape is known. A file that cannot give this raises a coded :class:`~isobit.errors.IsobitError`;
nothing is written, and no file but the model and its data files inside the model's folder is read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto

from isobit.errors import IsobitError, printable
from isobit.frontend.onnx.channels_last import standard_nodes
from isobit.frontend.onnx.consistency import check_consistent, check_elements
from isobit.frontend.onnx.fixed_batch import fixed_batch, of_one_sample, refuse_cut
from isobit.frontend.onnx.infer import FOLDABLE, Spec, constant_spec, fold, infer, quant_pool_spec
from isobit.frontend.onnx.integer_resize import refuse_inexact, with_cast
from isobit.frontend.onnx.linear import linear_spec
from isobit.frontend.onnx.model import (
    LINEAR_QUANTISERS,
    MAX_ELEMENTS,
    OWN_DOMAIN,
    Array,
    SourceModel,
    SourceNode,
    TensorInfo,
)
from isobit.frontend.onnx.proto import (
    drop_width_notes,
    node_place,
    normalised_op,
    opsets,
    reachable,
    read_hashed,
    sorted_nodes,
)
from isobit.frontend.onnx.qoperators import expand_qoperators
from isobit.frontend.onnx.tensors import (
    check_shape,
    decode_attributes,
    decode_tensor,
    element_type,
    frozen,
    is_small_float,
    standard_constant,
)
from isobit.frontend.onnx.variadic import pairwise_nodes

__all__ = ["SourceModel", "SourceNode", "TensorInfo", "load_onnx"]


def load_onnx(path: Path) -> SourceModel:
    """The network in an ONNX or QONNX file.

    Args:
        path: the file; external data is looked for in its folder only.

    Raises:
        IsobitError: E101 to E108 for the file, E201 and E202 for operators, E204 for NaN or infinite constants.
    """
    path = Path(path)
    proto, digest = read_hashed(path)
    drop_width_notes(proto.graph)
    expand_qoperators(proto.graph)
    loader = _Loader(proto, path.parent)
    order = reachable(sorted_nodes(proto.graph), [output.name for output in proto.graph.output])
    for node in order:
        for plain in standard_nodes(node, lambda name: len(loader.spec(name).shape)):
            for binary in pairwise_nodes(plain):
                for part in with_cast(binary, loader.spec):
                    loader.add(part)
    return loader.finish(path, digest)


class _Loader:
    """Walks the nodes in topological order; ``specs`` holds every tensor seen, ``alias`` the vanished ones."""

    def __init__(self, proto: onnx.ModelProto, folder: Path) -> None:
        self.graph, self.folder, self.opsets = proto.graph, folder, opsets(proto)
        self.alias: dict[str, str] = {}
        self.specs: dict[str, Spec] = {}
        self.nodes: list[SourceNode] = []
        self.folded = 0  # elements made by folding, so that a small file cannot fill the memory
        for tensor in self.graph.initializer:
            where = f"constant '{printable(tensor.name)}'"
            self.specs[tensor.name] = constant_spec(decode_tensor(tensor, folder, where))
        self.inputs = [info.name for info in self.graph.input if info.name not in self.specs]
        for info in self.graph.input:
            if info.name in self.inputs:
                self.specs[info.name] = _input_spec(info)
        self.batch = fixed_batch(info for info in self.graph.input if info.name in self.inputs)

    def spec(self, name: str) -> Spec:
        """A tensor seen before."""
        return self.specs[self.alias.get(name, name)]

    def add(self, node: onnx.NodeProto) -> None:
        """Take in one node: make it vanish, fold it, or keep it."""
        where = node_place(node)
        op, domain = normalised_op(node)
        attrs = decode_attributes(node, self.folder, where)
        renamed = self._renamed(node)
        if op == "Constant" and domain == "":
            self.specs[node.output[0]] = constant_spec(standard_constant(attrs, where))
        elif self._vanishes(op, renamed):
            self.alias[node.output[0]] = renamed.input[0]
        else:
            self._add_operator(op, domain, attrs, renamed, where)

    def _renamed(self, node: onnx.NodeProto) -> onnx.NodeProto:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [self.alias.get(name, name) for name in node.input]
        for place, shape in of_one_sample(copy, self.specs, self.batch):
            copy.input[place] = f"{node.output[0]} of one sample"
            self.specs[copy.input[place]] = constant_spec(shape)
        return copy

    def _vanishes(self, op: str, node: onnx.NodeProto) -> bool:
        """Whether the node hands its first input on unchanged at inference."""
        if op not in ("Identity", "Dropout", "Cast") or not node.input or not node.output:
            return False
        if op == "Dropout":
            return not self._is_used(node.output[1:]) and not self._trains(node)
        if op == "Cast":
            targets = [a.i for a in node.attribute if a.name == "to"]
            return targets == [self.specs[node.input[0]].elem_type] == [TensorProto.FLOAT]
        return len(node.input) == 1

    def _is_used(self, names: Iterable[str]) -> bool:
        wanted = set(names) - {""}
        used = {name for node in self.graph.node for name in node.input} | {o.name for o in self.graph.output}
        return bool(wanted & used)

    def _trains(self, node: onnx.NodeProto) -> bool:
        """Whether Dropout's third input asks for training mode (a run-time value counts as yes)."""
        if len(node.input) < 3 or not node.input[2]:
            return False
        value = self.specs[node.input[2]].value
        return value is None or bool(value.any())

    def _add_operator(self, op: str, domain: str, attrs: dict[str, object], node: onnx.NodeProto, where: str) -> None:
        inputs = {name: self.specs[name] for name in node.input if name}
        if not node.output or not any(node.output):
            raise IsobitError("E102", f"operator {printable(op)} has no output", where=where)
        if domain in ("qonnx", OWN_DOMAIN):
            outputs = self._quantiser_specs(op, node, inputs, where)
        elif op in LINEAR_QUANTISERS:
            outputs = {node.output[0]: linear_spec(op, node, attrs, inputs, where)}
        else:
            refuse_cut(op, attrs, [inputs.get(name) for name in node.input], self.batch, where)
            outputs = infer(node, inputs, self.opsets[""], where)
            given = [inputs[name].shape if name else () for name in node.input]
            check_consistent(op, attrs, given, [spec.shape for spec in outputs.values()], where)
            refuse_inexact(op, attrs, inputs, outputs, where)
            values = self._values(op, node, inputs, outputs, where)
            if values:
                self.specs.update({name: constant_spec(value) for name, value in values.items()})
                return
            _check_wrapping(op, outputs, where)
        self.specs.update(outputs)
        name = node.name or f"{op}:{next(filter(None, node.output))}"
        opset = self.opsets[domain]
        frozen_attrs = MappingProxyType(attrs)
        self.nodes.append(SourceNode(op, name, tuple(node.input), tuple(node.output), frozen_attrs, opset, domain))

    @staticmethod
    def _quantiser_specs(op: str, node: onnx.NodeProto, inputs: Mapping[str, Spec], where: str) -> dict[str, Spec]:
        """A quantiser keeps the shape of its first input; its other inputs must broadcast to it."""
        if op == "QuantAvgPool2d":
            return {node.output[0]: quant_pool_spec(node, inputs, where)}
        allowed = {"Quant": (4,), "Trunc": (5, 6), "FloatQuant": (6,)}.get(op, (2,))
        if len(node.input) not in allowed or len(node.output) != 1 or not all(node.input):
            counts = " or ".join(map(str, allowed))
            message = f"operator {op} has {len(node.input)} inputs and {len(node.output)} outputs, not {counts} and 1"
            raise IsobitError("E102", message, where=where)
        data = inputs[node.input[0]]
        for name in node.input[1:] if op != "MultiThreshold" else ():
            if not _broadcasts(inputs[name].shape, data.shape):
                message = f"parameter shape {list(inputs[name].shape)} does not fit data shape {list(data.shape)}"
                raise IsobitError("E106", message, where=where)
        return {node.output[0]: Spec(data.shape, TensorProto.FLOAT)}

    def _values(
        self, op: str, node: onnx.NodeProto, inputs: Mapping[str, Spec], outputs: Mapping[str, Spec], where: str
    ) -> dict[str, Array]:
        """The node's outputs if they are constant, else nothing."""
        if op in ("Shape", "Size"):
            shape = np.array(inputs[node.input[0]].shape, dtype=np.int64)
            if op == "Size":
                return {node.output[0]: frozen(np.array(shape.prod(dtype=np.int64)))}
            bounds = {a.name: a.i for a in node.attribute}
            return {node.output[0]: frozen(shape[bounds.get("start") : bounds.get("end")].copy())}
        if op in FOLDABLE and all(spec.value is not None for spec in inputs.values()):
            self._count_folded(outputs, where)
            return fold(node, inputs, outputs, self.opsets[""], where)
        return {}

    def _count_folded(self, outputs: Mapping[str, Spec], where: str) -> None:
        self.folded += sum(math.prod(spec.shape) for spec in outputs.values())
        if self.folded > MAX_ELEMENTS:
            message = f"the constant expressions up to here make more than {MAX_ELEMENTS} elements"
            raise IsobitError("E106", message, where=where)

    def finish(self, path: Path, digest: str) -> SourceModel:
        """The finished model: only what the outputs still depend on after folding."""
        labels = dict.fromkeys(o.name for o in self.graph.output)
        outputs = tuple(self._info(self.alias.get(label, label), label) for label in labels)
        nodes, used = _prune(self.nodes, {info.name for info in outputs})
        used.update(self.inputs)
        constants = {name: spec.value for name, spec in self.specs.items() if name in used and spec.value is not None}
        for name, value in constants.items():
            _check_finite(name, value)
        shapes = {name: spec.shape for name, spec in self.specs.items() if name in used}
        check_elements(nodes, shapes)
        return SourceModel(
            nodes=nodes,
            inputs=tuple(self._info(name, name) for name in self.inputs),
            outputs=outputs,
            constants=MappingProxyType(constants),
            shapes=MappingProxyType(shapes),
            annotations=MappingProxyType(self._annotations()),
            path=path,
            sha256=digest,
        )

    def _info(self, name: str, label: str) -> TensorInfo:
        spec = self.specs[name]
        dtype = element_type(spec.elem_type, f"tensor '{printable(name)}'")
        return TensorInfo(name, spec.shape, dtype.name, label)

    def _annotations(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in self.graph.quantization_annotation:
            for pair in entry.quant_parameter_tensor_names:
                if pair.key == "finn_datatype":
                    found.setdefault(self.alias.get(entry.tensor_name, entry.tensor_name), pair.value)
        return found


def _check_wrapping(op: str, outputs: Mapping[str, Spec], where: str) -> None:
    """Arithmetic of narrow integers wraps around, which no exact real function does."""
    narrow = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16)
    if op in ("Add", "Sub", "Mul", "Neg") and any(spec.elem_type in narrow for spec in outputs.values()):
        message = f"{op} of 8-bit or 16-bit integers wraps around"
        raise IsobitError("E202", message, where=where, hint="compute on floats: put it behind a DequantizeLinear")


def _input_spec(info: onnx.ValueInfoProto) -> Spec:
    """Shape and element type of a graph input, with its first dimension, the batch, set to 1."""
    where = f"graph input '{printable(info.name)}'"
    kind = info.type.tensor_type
    if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
        raise IsobitError("E106", "the input has no tensor shape", where=where)
    element_type(kind.elem_type, where)
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    if len(dims) < 2:
        raise IsobitError("E106", f"{len(dims)} dimensions", where=where, hint="add a batch dimension in front")
    if any(d is None or d == 0 for d in dims[1:]):
        shown = [d if d else "?" for d in dims]
        message = f"shape {shown} is dynamic beyond the batch dimension"
        raise IsobitError("E106", message, where=where, hint="export with a fixed input shape")
    if dims[0] is not None and dims[0] < 0:
        raise IsobitError("E106", f"batch dimension {dims[0]}", where=where)
    return Spec(check_shape((1, *(d for d in dims[1:] if d is not None)), where), kind.elem_type)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def _prune(nodes: list[SourceNode], wanted: set[str]) -> tuple[tuple[SourceNode, ...], set[str]]:
    """The nodes on which the wanted tensors depend, and every tensor these nodes touch."""
    used, kept = set(wanted), []
    for node in reversed(nodes):
        if used.intersection(filter(None, node.outputs)):
            kept.append(node)
            used.update(filter(None, node.inputs), filter(None, node.outputs))
    return tuple(reversed(kept)), used


def _check_finite(name: str, value: Array) -> None:
    if is_small_float(value.dtype):
        value = value.astype(np.float32)
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        index = [int(i) for i in np.argwhere(~np.isfinite(value))[0]]
        message = f"constant '{printable(name)}' holds {value[tuple(index)]} at index {index}"
        raise IsobitError("E204", message, hint="replace it by a finite number and export again")
