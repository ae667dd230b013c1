#!/bin/sh
# openvino 2026.4.1 (CPU, f32), onnx 1.23.2, onnxruntime 1.32.0: quantisers of 16 bits beside the same ones of 8 bits.
# One would expect both to round and to saturate: they are the same two operators.
# Seen: QuantizeLinear and DequantizeLinear of INT16 and UINT16 are removed without a word, so that values between the steps and
# far outside the range come through unchanged: of a quantiser with 2^16 steps of 0.5, 0.3 stays 0.3 and 70000 stays 70000. Where
# the integers themselves are the output, at scale 1 and zero point 0, 1.7 becomes 1 and 32768 becomes -32768.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
import openvino
from onnx import TensorProto, helper, numpy_helper

print("openvino", openvino.__version__, "onnxruntime", ort.__version__)
node, core = helper.make_node, openvino.Core()
x = np.array([[-70000, -5.3, 0.3, 1.7, 32768, 70000]], np.float32)


def answers(nodes, scale, kind, result):
    """By ONNX Runtime and by OpenVINO."""
    known = {"s": np.float32(scale), "z": kind(0)}
    types = {"x": TensorProto.FLOAT, "y": result}
    ends = [helper.make_tensor_value_info(name, which, x.shape) for name, which in types.items()]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in known.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    compiled = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    (right,) = ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    return right[0], compiled({"x": x})[0][0]


quantise, dequantise = node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["d"])
print(f"{'':25}{x[0].tolist()}")
for kind in (np.int8, np.uint8, np.int16, np.uint16):
    limits = np.iinfo(kind)
    exact = np.maximum(np.clip(np.rint(x[0] / 0.5), limits.min, limits.max) * 0.5, 0)
    right, seen = answers([quantise, dequantise, node("Relu", ["d"], ["y"])], 0.5, kind, TensorProto.FLOAT)
    print(f"{kind.__name__:7}steps of 0.5, ReLU {right.tolist()}, openvino {seen.tolist()}")
    assert (right == exact).all() and (seen == (exact if limits.bits == 8 else np.maximum(x[0], 0))).all()
for kind in (np.int8, np.int16, np.uint16):
    limits = np.iinfo(kind)
    integers = [node("QuantizeLinear", ["x", "s", "z"], ["y"])]
    right, seen = answers(integers, 1, kind, helper.np_dtype_to_tensor_dtype(np.dtype(kind)))
    print(f"{kind.__name__:7}steps of 1         {right.tolist()}, openvino {seen.tolist()}")
    assert (right == np.clip(np.rint(x[0]), limits.min, limits.max)).all()
    assert (seen == right).all() if kind is np.int8 else (seen != right).sum() >= 2
PY
