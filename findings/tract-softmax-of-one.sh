#!/bin/sh
# tract 0.23.9, onnx 1.23.2, onnxruntime 1.32.0: Softmax between DequantizeLinear and QuantizeLinear of 8 bits.
# One would expect the shares of a row to add up to 1, as they do without the quantisers, or with one of the two.
# Seen: the three nodes become a table of 256 entries that is looked up number by number, as of a function of one number, so that
# every share is 1, whatever the row. Sigmoid, a function of one number, is right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0 tract==0.23.9; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime as ort
import tract
from onnx import TensorProto, helper, numpy_helper

print("tract", version("tract"), "onnxruntime", ort.__version__)
node = helper.make_node
x = np.array([[0, 16, 32, 48, 64, 8]], np.uint8)
known = {"s": np.float32(1 / 16), "z": np.uint8(0), "step": np.float32(1 / 256)}


def answers(operator, quantised, **attributes):
    """Of DequantizeLinear and the operator, with QuantizeLinear behind or not: by ONNX Runtime and by tract."""
    nodes = [node("DequantizeLinear", ["x", "s", "z"], ["a"]), node(operator, ["a"], ["b" if quantised else "y"], **attributes)]
    nodes += [node("QuantizeLinear", ["b", "step", "z"], ["y"])] * quantised
    types = {"x": TensorProto.UINT8, "y": TensorProto.UINT8 if quantised else TensorProto.FLOAT}
    ends = [helper.make_tensor_value_info(name, kind, x.shape) for name, kind in types.items()]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in known.items() if name != "step" or quantised]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "model.onnx")
    (right,) = ort.InferenceSession("model.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": x})
    seen = tract.onnx().load("model.onnx").into_model().into_runnable().run([x])[0].to_numpy()
    shown = [[round(float(value), 3) for value in row] for row in (right[0], seen[0])]
    print(f"{operator:8}{'quantised' if quantised else 'float':10} onnxruntime {shown[0]}, tract {shown[1]}")
    return right[0], seen[0]


right, seen = answers("Sigmoid", True)
assert (right == seen).all()
right, seen = answers("Softmax", False, axis=-1)
assert abs(right.sum() - 1) < 1e-5 and abs(seen - right).max() < 1e-5
right, seen = answers("Softmax", True, axis=-1)
shares = np.exp(x[0] / 16) / np.exp(x[0] / 16).sum()
assert (right == np.rint(shares * 256)).all() and (seen == 255).all()
PY
