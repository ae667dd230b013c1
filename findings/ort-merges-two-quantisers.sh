#!/bin/sh
# onnxruntime 1.32.0 (CPU), onnx 1.23.2: one quantiser behind another, as a layer's output and the next layer's input give them.
# One would expect both roundings: a quantiser of step 1 leaves nothing but whole numbers for the one of step 0.25 behind it.
# Seen: with the default options, and with ORT_ENABLE_BASIC, one quantiser is left, of the range that both have in common: the
# coarse rounding is gone, and values come out that lie between its steps.
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
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

node, levels = helper.make_node, ort.GraphOptimizationLevel
print("onnxruntime", ort.__version__)
x = np.array([-3.3, -0.75, -0.25, 0.25, 0.625, 0.75, 1.25, 2.375, 3.3], np.float32)
known = {"coarse": np.float32(1), "fine": np.float32(0.25), "zero": np.int8(0), "offset": np.int8(10)}
nodes = [
    node("QuantizeLinear", ["x", "coarse", "zero"], ["a"]), node("DequantizeLinear", ["a", "coarse", "zero"], ["b"]),
    node("QuantizeLinear", ["b", "fine", "offset"], ["c"]), node("DequantizeLinear", ["c", "fine", "offset"], ["y"]),
]
ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, x.shape) for n in ("x", "y")]
tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in known.items()]
made = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors), opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
onnx.checker.check_model(made, full_check=True)
seen = {}
for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_BASIC, levels.ORT_ENABLE_ALL):
    options = ort.SessionOptions()
    options.graph_optimization_level, options.log_severity_level, options.optimized_model_filepath = level, 3, "optimised.onnx"
    session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (seen[level.name],) = session.run(None, {"x": x})
    left = onnx.load("optimised.onnx").graph
    scales = [float(numpy_helper.to_array(t)) for t in left.initializer if t.data_type == TensorProto.FLOAT]
    print(f"{level.name:17}{seen[level.name].tolist()}\n{'':17}{[n.op_type for n in left.node]}, scales {scales}")
both = np.clip(np.rint(x), -128, 127)  # within the range of the second too, whose step divides 1
assert seen["ORT_DISABLE_ALL"].tolist() == both.tolist()
for level in ("ORT_ENABLE_BASIC", "ORT_ENABLE_ALL"):
    assert (seen[level] != both).sum() > 5
assert [n.op_type for n in left.node] == ["QuantizeLinear", "DequantizeLinear"]
PY
