"""What a quantiser wrote into a file: operator sets, domains, types, zero points, ranges; read from the file alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, numpy_helper

QUANTISERS = ("QuantizeLinear", "DequantizeLinear", "Quant", "BipolarQuant", "Clip")


@dataclass(frozen=True)
class Facts:
    """One line about a file; every field is text for the table."""

    operators: str
    opset: str
    activations: str
    weights: str
    zero_points: str
    scales: str


def facts(model: Path) -> Facts:
    """The facts of an ``.onnx`` or ``.tflite`` file."""
    return _tflite(model) if model.suffix == ".tflite" else _onnx(model)


def _onnx(path: Path) -> Facts:
    model = onnx.load(path)
    held = {t.name: t for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            held[node.output[0]] = node.attribute[0].t
    counts = Counter(_named(node) for node in model.graph.node if node.op_type != "Constant")
    opsets = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in model.opset_import if _used(model, o.domain))
    zeros = [n for node in model.graph.node for n in node.input if n in held and _is_zero_point(node, n)]
    scales = [_array(held[n]) for node in model.graph.node for n in node.input[1:2] if _quantiser(node) and n in held]
    types = {False: Counter[str](), True: Counter[str]()}
    ranges: list[int] = []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and len(node.input) > 2 and node.input[2] in held:
            types[node.input[0] in held][_type(held[node.input[2]])] += 1
        if node.op_type == "DequantizeLinear" and node.input[0] in held and held[node.input[0]].data_type != 6:
            types[True][_type(held[node.input[0]])] += 1
            ranges += [int(v) for v in (_array(held[node.input[0]]).min(), _array(held[node.input[0]]).max())]
    values = sorted({int(v) for n in zeros for v in _array(held[n]).ravel()})
    spread = f", {min(ranges)}..{max(ranges)}" if ranges else ""
    return Facts(
        ", ".join(f"{c} {name}" for name, c in sorted(counts.items())), f"{opsets}; IR {model.ir_version}",
        ", ".join(sorted(types[False])) or "-", (", ".join(sorted(types[True])) or "-") + spread,
        _few(values), _scales(scales),
    )  # fmt: skip


def _named(node: Any) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else str(node.op_type)


def _used(model: Any, domain: str) -> bool:
    return any(node.domain == domain for node in model.graph.node)


def _quantiser(node: Any) -> bool:
    return node.op_type in QUANTISERS[:3]


def _is_zero_point(node: Any, name: str) -> bool:
    return _quantiser(node) and len(node.input) > 2 and name == node.input[2]


def _type(tensor: Any) -> str:
    return str(TensorProto.DataType.Name(tensor.data_type)).lower()


def _array(tensor: Any) -> Any:
    return numpy_helper.to_array(tensor)


def _few(values: Iterable[int]) -> str:
    listed = list(values)
    return ", ".join(map(str, listed)) if len(listed) < 5 else f"{len(listed)} values in {listed[0]}..{listed[-1]}"


def _scales(scales: Iterable[Any]) -> str:
    listed = [np.asarray(s, np.float64).ravel() for s in scales]
    if not listed:
        return "-"
    powers = all(np.array_equal(np.log2(s), np.round(np.log2(s))) for s in listed)
    channels = " per channel" if any(s.size > 1 for s in listed) else " per tensor"
    return ("powers of two" if powers else "free") + channels


def _tflite(path: Path) -> Facts:
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    names = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
    types = {v: k.lower() for k, v in vars(tflite.TensorType).items() if isinstance(v, int)}
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    counts = Counter(
        names[max(codes[k].BuiltinCode(), codes[k].DeprecatedBuiltinCode())]
        for k in (graph.Operators(i).OpcodeIndex() for i in range(graph.OperatorsLength()))
    )
    constant, variable, zeros, scales = Counter[str](), Counter[str](), set[int](), list[Any]()
    for i in range(graph.TensorsLength()):
        tensor = graph.Tensors(i)
        q = tensor.Quantization()
        if q is None or not q.ScaleLength():
            continue
        fixed = model.Buffers(tensor.Buffer()).DataLength() > 0
        (constant if fixed else variable)[types[tensor.Type()]] += 1
        scales.append(q.ScaleAsNumpy())
        zeros |= {int(q.ZeroPoint(k)) for k in range(q.ZeroPointLength())} if not fixed else set()
    return Facts(
        ", ".join(f"{c} {name}" for name, c in sorted(counts.items())), f"TFLite schema {model.Version()}",
        ", ".join(sorted(variable)), ", ".join(sorted(constant)), _few(sorted(zeros)), _scales(scales),
    )  # fmt: skip
