#!/bin/sh
# tract 0.23.9, onnx 1.23.2, onnxruntime 1.32.0: QuantizeLinear of opset 21 whose type is given by output_dtype, without zero point.
# One would expect the type that the attribute names, or a refusal of an opset that is not known.
# Seen: tract takes UINT8 for every output_dtype: a symmetric INT8 quantiser makes 0 of all negative numbers. With a zero
# point of type INT8 beside it the same file is right.
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
x = np.array([[-3, -1, 0, 1, 70, 200]], np.float32)
for zero_point in (False, True):
    given = ["s", "z"] if zero_point else ["s"]
    attributes = {} if zero_point else {"output_dtype": TensorProto.INT8}
    nodes = [node("QuantizeLinear", ["x", *given], ["q"], **attributes), node("DequantizeLinear", ["q", *given], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in ("x", "y")]
    known = {"s": np.float32(0.5), "z": np.int8(0)}
    tensors = [numpy_helper.from_array(np.asarray(known[name]), name) for name in given]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "model.onnx")
    (right,) = ort.InferenceSession("model.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": x})
    seen = tract.onnx().load("model.onnx").into_model().into_runnable().run([x])[0].to_numpy()
    print(f"{'INT8 zero point' if zero_point else 'output_dtype INT8'}: onnxruntime {right[0].tolist()}, tract {seen[0].tolist()}")
    assert (right == np.clip(np.rint(x / 0.5), -128, 127) * 0.5).all()
    assert (seen == (right if zero_point else np.clip(np.rint(x / 0.5), 0, 255) * 0.5)).all()
PY
