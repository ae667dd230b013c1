#!/bin/sh
# amd-quark 0.13, onnx 1.22.0, onnxruntime 1.32.0: the configuration XINT8 on a model with a 3x3 average pool.
# One would expect quantisers around the operators of the float model, in an order that ONNX allows.
# Seen: by default the model is rewritten for the DPU, whose pool divides by a power of two: behind the average stands a
# multiplication by 63/64 = 9 * 7/64, so that the file's float function is another one than the model's. The new Mul stands at
# the end of the node list, behind the node that reads it: onnx.checker rejects the file, ONNX Runtime runs it.
# Biases are int8 with a power-of-two scale of their own, not int32 with the product of the scales; an activation behind
# a ReLU is uint8 with zero point 128, so that half of its codes are never used.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in torch==2.13.0 amd-quark==0.13 onnx==1.22.0 onnxruntime==1.32.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
cd "$work"
"$python" - 2>/dev/null <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader
from quark.onnx import ModelQuantizer
from quark.onnx.quantization.config import Config, get_default_config

rng = np.random.default_rng(0)
inits = [numpy_helper.from_array(rng.normal(0, s, z).astype(np.float32), n) for n, z, s in (("w", (4, 3, 3, 3), 0.3), ("b", (4,), 0.1))]
nodes = [
    helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["c"], ["r"], "relu"),
    helper.make_node("GlobalAveragePool", ["r"], ["y"], "pool"),
]
ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 3, 3, 3]), ("y", [1, 4, 1, 1]))]
onnx.save(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], inits), opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "float.onnx")


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": rng.normal(0, 1, (1, 3, 3, 3)).astype(np.float32)} for _ in range(8)]

    def get_next(self):
        return self.left.pop() if self.left else None


ModelQuantizer(Config(global_quant_config=get_default_config("XINT8"))).quantize_model("float.onnx", "quantised.onnx", Reader())
model = onnx.load("quantised.onnx")
held = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
held |= {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in model.graph.node if n.op_type == "Constant"}
(mul,) = [n for n in model.graph.node if n.op_type == "Mul"]
factor = next(float(held[i]) for i in mul.input if i in held)
print("behind the pool: Mul by", factor)
assert factor == 63 / 64
try:
    onnx.checker.check_model(model)
except onnx.checker.ValidationError as error:
    print("onnx.checker:", str(error).splitlines()[0])
    assert "topologically sorted" in str(error)
else:
    raise AssertionError("the file is in order now")
ort.InferenceSession("quantised.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": np.zeros((1, 3, 3, 3), np.float32)})
print("ONNX Runtime runs it")
biases = [n for n in model.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in held and held[n.input[0]].ndim == 1]
zeros = {n.input[0]: int(held[n.input[2]]) for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] not in held}
print("bias type", held[biases[0].input[0]].dtype, "scale", float(held[biases[0].input[1]]), "; zero points", zeros)
assert held[biases[0].input[0]].dtype == np.int8 and np.log2(held[biases[0].input[1]]) % 1 == 0
assert zeros["r"] == 128
PY
