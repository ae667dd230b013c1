"""Small QONNX models for tests, built line by line: ``net.quant(net.matmul("x", w), 0.5, 0, 4)``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


class Net:
    """Collects nodes and constants; every method returns the name of the tensor it makes."""

    def __init__(self, shape: Sequence[int | str | None], *, name: str = "x", elem: int = TensorProto.FLOAT) -> None:
        self.inputs = [helper.make_tensor_value_info(name, elem, list(shape))]
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.annotations: dict[str, str] = {}

    def const(self, value: object, dtype: type = np.float32) -> str:
        """A constant tensor."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def _name(self, value: object) -> str:
        return value if isinstance(value, str) else self.const(value)

    def op(self, kind: str, *inputs: object, outputs: Sequence[str] = (), domain: str = "", **attrs: Any) -> str:
        """A node; arrays and numbers among the inputs become float32 constants. The first output is returned."""
        names = list(outputs) or [f"t{len(self.nodes)}"]
        inputs_named = [self._name(value) for value in inputs]
        label = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs_named, names, name=label, domain=domain, **attrs))
        return names[0]

    def quant(
        self,
        data: object,
        scale: object,
        zero_point: object = 0.0,
        bits: float = 8,
        *,
        signed: int = 1,
        narrow: int = 0,
        rounding_mode: str = "ROUND",
    ) -> str:
        """A ``Quant`` node."""
        mode: dict[str, Any] = {"signed": signed, "narrow": narrow, "rounding_mode": rounding_mode}
        return self.op("Quant", data, scale, zero_point, bits, domain=QONNX, **mode)

    def bipolar(self, data: object, scale: object = 1.0) -> str:
        """A ``BipolarQuant`` node."""
        return self.op("BipolarQuant", data, scale, domain=QONNX)

    def model(self, *outputs: str, opset: int = 13, ir_version: int = 8, qonnx_opset: int = 1) -> onnx.ModelProto:
        """The model; without names, the last node's first output is the graph's."""
        names = outputs or (self.nodes[-1].output[0],)
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
        graph = helper.make_graph(self.nodes, "net", self.inputs, infos, self.constants)
        for tensor, datatype in self.annotations.items():
            entry = onnx.StringStringEntryProto(key="finn_datatype", value=datatype)
            graph.quantization_annotation.append(
                onnx.TensorAnnotation(tensor_name=tensor, quant_parameter_tensor_names=[entry])
            )
        imports = [helper.make_opsetid("", opset), helper.make_opsetid(QONNX, qonnx_opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=ir_version)

    def save(self, folder: Path, *outputs: str, **versions: int) -> Path:
        """The model written to ``folder/model.onnx``."""
        return save(self.model(*outputs, **versions), folder)


def save(model: onnx.ModelProto, folder: Path) -> Path:
    """A model written to ``folder/model.onnx``."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def mlp(
    rng: np.random.Generator, sizes: Sequence[int], *, scales: Sequence[float], bits: int = 4, batch_norm: bool = False
) -> Net:
    """A quantised MLP: input quantiser, then per layer MatMul, bias, optional BatchNorm, ReLU and a quantiser.

    Args:
        rng: source of the weights.
        sizes: features of the input and of each layer.
        scales: scale of the input quantiser, then of each layer's weights and activations in turn.
        bits: width of weights and activations.
        batch_norm: whether a BatchNormalization follows each bias.
    """
    net = Net([1, sizes[0]])
    steps = iter(scales)
    current = net.quant("x", next(steps), 0.0, bits)
    for fan_in, fan_out in pairwise(sizes):
        weight = net.quant(rng.normal(size=(fan_in, fan_out)), next(steps), 0.0, bits, narrow=1)
        current = net.op("Add", net.op("MatMul", current, weight), rng.normal(size=fan_out))
        if batch_norm:
            gamma, beta, mean = rng.normal(size=(3, fan_out))
            current = net.op("BatchNormalization", current, gamma, beta, mean, rng.uniform(0.5, 2, fan_out))
        current = net.quant(net.op("Relu", current), next(steps), 0.0, bits, signed=0)
    return net
