#!/bin/sh
# MNN 3.6.1, onnx 1.23.2, onnxruntime 1.32.0: files with INT8 weights behind a DequantizeLinear of one scale per output channel,
# converted by mnnconvert.
# One would expect DequantizeLinear's axis to say which axis the scales belong to, as it does in ONNX.
# Seen: the axis is not read. Scales go along the first axis of a convolution's weights and along the last one of every
# other matrix. A Gemm with transB, which is what torch's Linear becomes ([outputs, inputs], axis 0), multiplies the inputs by the
# outputs' scales: without a word where a layer has as many inputs as outputs, and every sum is another number.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in mnn==3.6.1 numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
cat >axis.py <<'PY'
import itertools
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import MNN
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

draw = np.random.default_rng(0)


def answers(operator, axis, weights, x, **attributes):
    """y of ONNX Runtime without optimisations and of MNN, and of the file with its scales along the other axis."""
    scales = np.array([0.5, 0.25, 1, 2], np.float32)

    def model(along):
        nodes = [
            helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"], axis=along),
            helper.make_node(operator, ["x", "d"], ["y"], **attributes),
        ]
        constants = [numpy_helper.from_array(v, n) for n, v in (("w", weights), ("s", scales), ("z", np.zeros(4, np.int8)))]
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", x.shape), ("y", x.shape))]
        graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(made, full_check=True)
        return made

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    files = (model(a).SerializeToString() for a in (axis, 1 - axis))
    right, other = (onnxruntime.InferenceSession(f, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0] for f in files)
    onnx.save(model(axis), "m.onnx")
    convert = [Path(sys.executable).parent / "mnnconvert", "-f", "ONNX", "--modelFile", "m.onnx", "--MNNModel", "m.mnn", "--bizCode", "b"]
    subprocess.run(convert, check=True, capture_output=True)
    net = MNN.nn.load_module_from_file("m.mnn", ["x"], ["y"])
    y = net.forward([MNN.expr.const(x, list(x.shape), MNN.expr.NCHW)])[0]
    return right, np.asarray(MNN.expr.convert(y, MNN.expr.NCHW).read()).reshape(right.shape), other


print("MNN", version("mnn"))
matrix, kernel = (draw.integers(-128, 128, s).astype(np.int8) for s in ([4, 4], [4, 4, 1, 1]))
row, picture = (draw.integers(-8, 8, s).astype(np.float32) for s in ([3, 4], [1, 4, 3, 3]))
operators = ("MatMul", matrix, row, {}), ("Gemm", matrix, row, {}), ("Gemm", matrix, row, {"transB": 1}), ("Conv", kernel, picture, {})
for (operator, weights, x, attributes), axis in itertools.product(operators, (0, 1)):
    right, seen, other = answers(operator, axis, weights, x, **attributes)
    print(f"{operator} {attributes or ''} axis {axis}: {(right != seen).sum()} of {right.size} differ, by at most {np.abs(right - seen).max():g}")
    if axis == (0 if operator == "Conv" else 1):
        assert (right == seen).all()
    else:
        assert (right != seen).mean() > 0.9 and (seen == other).all()  # the scales of the other axis, to the last bit
PY
"$work/venv/bin/python" axis.py
