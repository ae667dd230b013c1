#!/bin/sh
# qonnx 1.0.0, its QCDQToQuant, beside onnxruntime 1.32.0: files with QuantizeLinear and DequantizeLinear as Quant nodes.
# One would expect a change of notation: the same function, or a refusal.
# Seen, without a word: (1) of a square matrix the scales of the output channels are put on the other axis; (2) weights
# with a zero point are subtracted in their own 8 bits, where -128 becomes 128; (3) a Clip between the two nodes is read as a
# number of bits, so that INT8 with Clip(0, 127), a ReLU's range, becomes -64 .. 63.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.32.0 qonnx==1.0.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" - 2>/dev/null <<'PY'
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.qcdq_to_qonnx import QCDQToQuant

node = helper.make_node


def before_and_after(nodes, constants, x):
    """What ONNX Runtime says of the file, and qonnx of the transformed one."""
    x = np.array([x], np.float32)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in ("x", "y")]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "qcdq", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    (expected,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    changed = ModelWrapper(model).transform(InferShapes()).transform(QCDQToQuant())
    assert [n.op_type for n in changed.graph.node][0] == "Quant"
    return expected[0].tolist(), execute_onnx(changed, {"x": x})["y"][0].tolist()


print("qonnx", version("qonnx"), "onnxruntime", ort.__version__)
ones = np.ones((3, 3), np.int8)
scales = {"w": ones, "s": np.array([1, 2, 4], np.float32), "z": np.zeros(3, np.int8)}
linear = [node("DequantizeLinear", ["w", "s", "z"], ["d"], axis=0), node("Gemm", ["x", "d"], ["y"], transB=1)]
seen = before_and_after(linear, scales, [1, 1, 1])
print("a scale per output channel, 3 x 3:", *seen)
assert seen == ([3, 6, 12], [7, 6, 4])

offset = {"w": np.array([[0, 128, 255]] * 3, np.uint8), "s": np.float32(1), "z": np.uint8(128)}
linear = [node("DequantizeLinear", ["w", "s", "z"], ["d"]), node("MatMul", ["x", "d"], ["y"])]
seen = before_and_after(linear, offset, [1, 1, 1])
print("UINT8 weights, zero point 128:    ", *seen)
assert seen == ([-384, 0, 381], [381, 0, 381])

bounds = {"s": np.float32(1), "z": np.int8(0), "lo": np.int8(0), "hi": np.int8(127)}
relu = [
    node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("Clip", ["q", "lo", "hi"], ["c"]),
    node("DequantizeLinear", ["c", "s", "z"], ["y"]),
]  # fmt: skip
seen = before_and_after(relu, bounds, [-50, 10, 63, 64, 100, 127])
print("INT8, Clip(0, 127):               ", *seen)
assert seen == ([0, 10, 63, 64, 100, 127], [-50, 10, 63, 63, 63, 63])
PY
