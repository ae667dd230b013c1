#!/bin/sh
# onnxruntime 1.32.0 (CPU), onnx 1.23.2: Conv and Gemm between quantisers of 8 or 16 bits, with weights that the file keeps in float32.
# One would expect float32 weights to be used as they are: the file says nothing of their precision.
# Seen: with the default options ONNX Runtime rounds them to 8 bits, one scale for the whole tensor, before the first run: 1/1024
# beside a weight of 1 becomes 0, and so does the output that depends on it. Without optimisation the output is exact.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

node, levels = helper.make_node, ort.GraphOptimizationLevel
print("onnxruntime", ort.__version__)
for operator in ("Conv", "Gemm"):
    for kind, x, scale in ((np.uint8, 192, 1 / 128), (np.int16, 10240, 1)):
        # two inputs, the first one 0: y is x times the second weight, 1/1024
        shape = [1, 2, 1, 1] if operator == "Conv" else [1, 2]
        weights = np.array([1, 1 / 1024], np.float32).reshape(shape if operator == "Conv" else [2, 1])
        known = {"w": weights, "one": np.float32(1), "step": np.float32(scale), "zero": kind(0)}
        nodes = [
            node("DequantizeLinear", ["x", "one", "zero"], ["xf"]),
            node(operator, ["xf", "w"], ["yf"]),
            node("QuantizeLinear", ["yf", "step", "zero"], ["y"]),
        ]
        ends = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), s) for n, s in (("x", shape), ("y", [1, 1] + shape[2:]))]
        tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in known.items()]
        made = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors), opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        onnx.checker.check_model(made, full_check=True)
        seen = []
        for level in (levels.ORT_ENABLE_ALL, levels.ORT_DISABLE_ALL):
            options = ort.SessionOptions()
            options.graph_optimization_level = level
            session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
            seen.append(int(session.run(None, {"x": np.array([0, x], kind).reshape(shape)})[0].item()))
        exact = int(x / 1024 / scale)
        print(f"{operator}, {kind.__name__:5}: {x} * 1/1024 in steps of {scale} is {exact}; default {seen[0]}, unoptimised {seen[1]}")
        assert x % (1024 * scale) == 0 and seen == [0, exact]
PY
