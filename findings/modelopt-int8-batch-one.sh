#!/bin/sh
# nvidia-modelopt 0.47.0 with its extra "onnx", onnx 1.21.0: quantize(..., quantize_mode="int8") of one multi-layer perceptron,
# exported with batch 1 and with batch 8, everything else as it is by default (high precision set to fp32).
# One would expect the same layers to be quantised, or an error where none is: a batch size changes no weight and no range.
# Seen: with batch 1 every matrix product counts as a vector one and is left out: the "quantised" file has no quantiser at
# all, and the call ends as a success. With batch 8 two of three layers are quantised, the last one (10 outputs) is not. In a
# convolutional network the one from 8 to 8 channels is left out, the one from 3 to 8 is not. The log says so at INFO level only.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in torch==2.13.0 onnx==1.21.0 "nvidia-modelopt[onnx]==0.47.0"; do # torch first: a plain one is the CUDA build
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - 2>/dev/null <<'PY'
from collections import Counter

import numpy as np
import onnx
from modelopt.onnx.quantization import quantize
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(0)
WIDTHS = (16, 32, 32, 10)


def value(shape):
    return numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), f"c{rng.integers(1 << 40)}")


def perceptron(batch):
    nodes, constants, x = [], [], "x"
    for i, (n, m) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        constants += [value((n, m)), value((m,))]
        nodes.append(helper.make_node("Gemm", [x, *(c.name for c in constants[-2:])], [f"g{i}"]))
        x = f"g{i}"
        if i < 2:
            nodes.append(helper.make_node("Relu", [x], [f"r{i}"]))
            x = f"r{i}"
    return ended(nodes, constants, (batch, 16), x, (batch, 10))


def convolutions():
    nodes, constants, x = [], [], "x"
    for i, (n, m) in enumerate(((3, 8), (8, 8), (8, 32), (32, 32))):
        constants += [value((m, n, 3, 3)), value((m,))]
        nodes.append(helper.make_node("Conv", [x, *(c.name for c in constants[-2:])], [f"c{i}"], f"conv {n}-{m}", pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{i}"], [f"r{i}"]))
        x = f"r{i}"
    return ended(nodes, constants, (1, 3, 12, 12), x, (1, 32, 12, 12))


def ended(nodes, constants, given, last, wanted):
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", given), (last, wanted))]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def quantised(model):
    """Of how many layers are the weights quantised, and which."""
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "float.onnx")
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    data = rng.normal(0, 1, (64, *shape[1:])).astype(np.float32)
    quantize(
        "float.onnx", quantize_mode="int8", calibration_data=data, calibration_method="max", calibration_eps=["cpu"],
        output_path="int8.onnx", high_precision_dtype="fp32", log_level="ERROR",
    )
    found = onnx.load("int8.onnx").graph.node
    restored = {n.output[0] for n in found if n.op_type == "DequantizeLinear"}
    layers = [n for n in found if n.op_type in ("Conv", "Gemm")]
    return [n.input[1] in restored for n in layers], Counter(n.op_type for n in found)["QuantizeLinear"]


for name, model, expected in (
    ("perceptron, batch 1", perceptron(1), [False] * 3),
    ("perceptron, batch 8", perceptron(8), [True, True, False]),
    ("convolutions of 3-8, 8-8, 8-32, 32-32 channels", convolutions(), [True, False, True, True]),
):
    layers, quantisers = quantised(model)
    print(f"{name}: layers with quantised weights {layers}, {quantisers} QuantizeLinear")
    assert layers == expected, (layers, expected)
PY
