#!/bin/sh
# onnxruntime 1.32.0: QLinearAveragePool beside AveragePool, ceil_mode 1 and count_include_pad 1, PyTorch's default.
# One would expect the quantised kernel to divide as the float one: by what of the window is data or padding.
# Seen: where ceil_mode lets a window reach beyond both, QLinearAveragePool divides by the whole kernel all the same, so
# that the last row and column of a 7x7 image under 2x2 windows come out half as large, the corner a quarter.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

x = np.full((1, 1, 7, 7), 100, np.uint8)
window = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}


def run(nodes):
    constants = {"s": np.float32(1), "z": np.uint8(0)}
    graph = helper.make_graph(
        nodes,
        "pool",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 1, 4, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0][0, 0].tolist()


print(f"onnxruntime {ort.__version__}: a 7x7 image of 100")
for include in (0, 1):
    attributes = {**window, "count_include_pad": include}
    operands = ["x", "s", "z", "s", "z"]
    quantised = run([helper.make_node("QLinearAveragePool", operands, ["y"], domain="com.microsoft", **attributes)])
    floating = run(
        [
            helper.make_node("DequantizeLinear", ["x", "s", "z"], ["a"]),
            helper.make_node("AveragePool", ["a"], ["b"], **attributes),
            helper.make_node("QuantizeLinear", ["b", "s", "z"], ["y"]),
        ]
    )
    print(f"count_include_pad {include}, last row: quantised {quantised[-1]}, float {floating[-1]}")
    assert floating == [[100] * 4] * 4
    assert quantised == (floating if not include else [[100, 100, 100, 50]] * 3 + [[50, 50, 50, 25]])
PY
