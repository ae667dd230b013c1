#!/bin/sh
# onnxruntime 1.32.0 (CPU): where its kernels add the zero point, before or after they round.
# One would expect every QLinear kernel to do what QuantizeLinear says: round half to even, then add the zero point.
# Seen: QLinearAdd, QLinearMul and QLinearAveragePool round the sum of quotient and zero point, so that with an odd zero
# point every exact half falls to the other side; QLinearConv, QLinearMatMul, QGemm, QLinearConcat, QLinearLeakyRelu and
# QLinearGlobalAveragePool round first. All scales here are powers of two: no float error is involved.
# The optimiser (EXTENDED and up) puts these kernels into a QDQ file, which therefore gives two answers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.32.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - <<'PY'
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(1)
ort.set_default_logger_severity(3)
print(f"onnxruntime {ort.__version__}; zero point of the output 3, of the inputs 1")
KNOWN = {"zx": np.int8(1), "zy": np.int8(3), "zw": np.int8(0), "one": np.float32(1), "half": np.float32(0.5), "two": np.float32(2), "four": np.float32(4)}


def run(nodes, feeds, constants=None, level="DISABLE_ALL"):
    inits = [numpy_helper.from_array(np.asarray(v), k) for k, v in (KNOWN | (constants or {})).items()]
    ends = [helper.make_tensor_value_info(k, TensorProto.INT8, v.shape) for k, v in feeds.items()]
    y = helper.make_tensor_value_info("y", TensorProto.INT8, None)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", ends, [y], inits), opset_imports=sets, ir_version=8)
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, "ORT_" + level)
    return ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"]).run(None, feeds)[0]


def node(op, inputs, **attributes):
    domain = "" if op in ("QLinearConv", "QLinearMatMul", "AveragePool", "DequantizeLinear", "QuantizeLinear") else "com.microsoft"
    return [helper.make_node(op, inputs.split(), ["y"], domain=domain, **attributes)]


def verdict(name, got, quotient, order):
    first = np.clip(np.round(quotient) + 3, -128, 127).ravel()
    last = np.clip(np.round(quotient + 3), -128, 127).ravel()
    of = {"round, then add": int((got.ravel() != first).sum()), "add, then round": int((got.ravel() != last).sum())}
    print(f"{name:28} differs of {got.size}: {of}")
    assert of[order] == 0
    assert max(of.values()) > got.size // 100


x, b = (rng.integers(-128, 128, (1, 4, 64, 64)).astype(np.int8) for _ in range(2))
u, v = x.astype(int) - 1, b.astype(int) - 1
w = rng.integers(-3, 4, (4, 4)).astype(np.int8)
LAST, FIRST = "add, then round", "round, then add"
verdict("QLinearAdd", run(node("QLinearAdd", "x one zx b one zx two zy"), {"x": x, "b": b}), (u + v) / 2, LAST)
verdict("QLinearMul", run(node("QLinearMul", "x one zx b half zx four zy"), {"x": x, "b": b}), u * v / 8, LAST)
pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
means = u.reshape(1, 4, 32, 2, 32, 2).sum((3, 5)) / 4
verdict("QLinearAveragePool", run(node("QLinearAveragePool", "x one zx one zy", **pool), {"x": x}), means, LAST)
small = rng.integers(-128, 128, (1, 4096, 2, 2)).astype(np.int8)
got = run(node("QLinearGlobalAveragePool", "x one zx one zy"), {"x": small})
verdict("QLinearGlobalAveragePool", got, (small.astype(int) - 1).sum((2, 3)) / 4, FIRST)
got = run(node("QLinearConv", "x one zx w half zw two zy"), {"x": x}, {"w": w[:, :, None, None]})
verdict("QLinearConv", got, np.einsum("nchw,oc->nohw", u, w.astype(int)) / 4, FIRST)
rows = x.reshape(-1, 4)
product = (rows.astype(int) - 1) @ w.astype(int) / 4
verdict("QLinearMatMul", run(node("QLinearMatMul", "x one zx w half zw two zy"), {"x": rows}, {"w": w}), product, FIRST)
got = run([helper.make_node("QGemm", ["x", "one", "zx", "w", "half", "zw", "", "two", "zy"], ["y"], domain="com.microsoft")], {"x": rows}, {"w": w})
verdict("QGemm", got, product, FIRST)
verdict("QLinearConcat", run(node("QLinearConcat", "two zy x one zx", axis=1), {"x": x}), u / 2, FIRST)
got = run(node("QLinearLeakyRelu", "x one zx two zy", alpha=0.5), {"x": x})
verdict("QLinearLeakyRelu", got, np.where(u < 0, u / 2, u) / 2, FIRST)

qdq = [helper.make_node("DequantizeLinear", ["x", "one", "zx"], ["d"]), helper.make_node("AveragePool", ["d"], ["e"], **pool), helper.make_node("QuantizeLinear", ["e", "one", "zy"], ["y"])]
for level, order in (("DISABLE_ALL", FIRST), ("ENABLE_BASIC", FIRST), ("ENABLE_EXTENDED", LAST), ("ENABLE_ALL", LAST)):
    verdict(f"QDQ AveragePool {level[-8:]}", run(qdq, {"x": x}, level=level), means, order)
PY
