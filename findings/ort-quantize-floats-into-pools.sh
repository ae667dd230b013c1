#!/bin/sh
# onnxruntime 1.32.0, quantize_static to QDQ with its defaults: Conv, an activation, AveragePool, Conv.
# One would expect the input of a quantised AveragePool to be quantised, whatever made it.
# Seen: behind Tanh and HardSwish the pool averages floats, which only its output's quantiser rounds, behind Relu and
# Sigmoid it does not; no integer kernel computes such a mean. ForceQuantizeNoInputCheck puts the missing quantiser there.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import logging

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, quantize_static

logging.disable(logging.WARNING)  # that preprocessing is recommended
rng = np.random.default_rng(0)

class Reader(CalibrationDataReader):
    def __init__(self):
        self.feeds = iter([{"x": rng.normal(size=(1, 1, 8, 8)).astype(np.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.feeds, None)


def before_the_pool(activation, **options):
    """The operator that makes the input of the AveragePool in the quantised file."""
    weights = {"w": rng.normal(size=(2, 1, 3, 3)), "v": rng.normal(size=(2, 2, 1, 1))}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node(activation, ["c"], ["a"]),
            helper.make_node("AveragePool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Conv", ["p", "v"], ["y"]),
        ],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 3, 3])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    given, made = "float.onnx", "quantised.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), given)
    quantize_static(given, made, Reader(), extra_options=options)
    nodes = onnx.load(made).graph.node
    (pool,) = (node for node in nodes if node.op_type == "AveragePool")
    return next(node.op_type for node in nodes if pool.input[0] in node.output)


print(f"onnxruntime {ort.__version__}")
for activation in ("Relu", "Sigmoid", "Tanh", "HardSwish"):
    usual = before_the_pool(activation)
    forced = before_the_pool(activation, ForceQuantizeNoInputCheck=True)
    print(f"{activation}: the pool reads {usual}, with ForceQuantizeNoInputCheck {forced}")
    assert forced == "DequantizeLinear"
    assert usual == (activation if activation in ("Tanh", "HardSwish") else "DequantizeLinear")
PY
