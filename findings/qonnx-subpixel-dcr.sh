#!/bin/sh
# qonnx 1.0.0, onnxruntime 1.31.1: SubPixelToDeconvolution, which makes one ConvTranspose of a convolution and a DepthToSpace.
# One would expect DepthToSpace's two orders of channels to be told apart, or one of them to be refused.
# Seen: mode DCR, which is ONNX' default, is read as CRD: the transformed model gives other numbers, 3 of 4 of them, without a
# word. CRD (what PyTorch's PixelShuffle exports) is right. One channel behind it hides it: there the two are the same.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in qonnx==1.0.0 onnx==1.22.0 onnxruntime==1.31.1; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.subpixel_to_deconv import SubPixelToDeconvolution

rng = np.random.default_rng(0)
x = rng.integers(-8, 8, (1, 3, 6, 6)).astype(np.float32)


def model(mode, channels):
    weights = rng.integers(-8, 8, (4 * channels, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1], dilations=[1, 1], group=1),
        helper.make_node("DepthToSpace", ["c"], ["y"], blocksize=2, mode=mode),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, 12, 12])]
    graph = helper.make_graph(nodes, "g", *ends, [numpy_helper.from_array(weights, "w")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return ModelWrapper(made).transform(InferShapes())


for mode, channels, same in (("CRD", 4, True), ("DCR", 4, False), ("DCR", 1, True)):
    before = model(mode, channels)
    after = before.transform(SubPixelToDeconvolution())
    assert [node.op_type for node in after.graph.node] == ["ConvTranspose"]
    was, became = (execute_onnx(m, {"x": x})["y"] for m in (before, after))
    wrong = int((was != became).sum())
    print(f"qonnx 1.0.0, {mode}, {channels} channels behind it: {wrong} of {was.size} numbers differ")
    assert (wrong == 0) == same
    assert same or wrong > was.size // 2
PY
