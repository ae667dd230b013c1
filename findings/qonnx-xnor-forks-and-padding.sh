#!/bin/sh
# qonnx 1.0.0, onnx 1.22.0: ConvertBipolarMatMulToXnorPopcount on binary networks where it applies.
# One would expect the same outputs: the transformation brings the correction 2P - K along.
# Seen: right where one layer reads a bipolar map. Where two do, or a residual sum reads it besides, the thresholds give 0
# and 1 for all of them and only the first layer is corrected; where a convolution has a border, its zeros are taken for -1.
# No error or warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.32.0 qonnx==1.0.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.bipolar_to_xnor import ConvertBipolarMatMulToXnorPopcount
from qonnx.transformation.infer_datatypes import InferDataTypes
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul
from qonnx.util.basic import qonnx_make_model

rng = np.random.default_rng(0)
KERNEL = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1], "group": 1}


def signs(*shape):
    return rng.choice([-1.0, 1.0], shape).astype(np.float32)


def differences(nodes, shape, out_shape, **weights):
    """How many outputs of fifty samples change, and of how many; the first node makes bipolar values of x."""
    threshold = helper.make_node(
        "MultiThreshold", ["x", "t"], ["a"], domain="qonnx.custom_op.general", out_dtype="BIPOLAR", out_scale=2.0, out_bias=-1.0
    )
    ends = [helper.make_tensor_value_info(n, 1, s) for n, s in (("x", shape), ("y", out_shape))]
    made = helper.make_graph([threshold, *(helper.make_node(*n, **a) for n, a in nodes)], "binary", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 11), helper.make_opsetid("qonnx.custom_op.general", 1)]
    model = ModelWrapper(qonnx_make_model(made, opset_imports=opsets))
    model.set_initializer("t", np.zeros((1, 1), np.float32))
    for name, values in weights.items():
        model.set_initializer(name, values)
        model.set_tensor_datatype(name, DataType["BIPOLAR"])
    model = model.transform(InferShapes()).transform(InferDataTypes())
    xnor = model
    for step in (LowerConvsToMatMul(), InferDataTypes(), ConvertBipolarMatMulToXnorPopcount()):
        xnor = xnor.transform(step)
    assert any(n.op_type == "XnorPopcountMatMul" for n in xnor.graph.node)
    samples = [rng.integers(-4, 5, shape).astype(np.float32) for _ in range(50)]
    both = [[execute_onnx(m, {"x": x})[m.graph.output[0].name] for x in samples] for m in (model, xnor)]
    return np.count_nonzero(both[0] != np.asarray(both[1])), np.size(both[0])


product = (("MatMul", ["a", "w"], ["m"]), {})
cases = {
    "one reader": ([(("MatMul", ["a", "w"], ["y"]), {})], (1, 8), (1, 8), {"w": signs(8, 8)}),
    "a sum beside it": ([product, (("Add", ["m", "a"], ["y"]), {})], (1, 8), (1, 8), {"w": signs(8, 8)}),
    "two layers": (
        [product, (("MatMul", ["a", "v"], ["n"]), {}), (("Add", ["m", "n"], ["y"]), {})],
        (1, 8), (1, 8), {"w": signs(8, 8), "v": signs(8, 8)},
    ),
    "convolution": ([(("Conv", ["a", "w"], ["y"]), KERNEL | {"pads": [0] * 4})], (1, 2, 5, 5), (1, 3, 3, 3), {"w": signs(3, 2, 3, 3)}),
    "convolution with a border": (
        [(("Conv", ["a", "w"], ["y"]), KERNEL | {"pads": [1] * 4})], (1, 2, 5, 5), (1, 3, 5, 5), {"w": signs(3, 2, 3, 3)},
    ),
}
for name, (nodes, shape, out_shape, weights) in cases.items():
    wrong, of = differences(nodes, shape, out_shape, **weights)
    print(f"{name}: {wrong} of {of} outputs change")
    assert wrong == 0 if name in ("one reader", "convolution") else wrong > of // 3
PY
