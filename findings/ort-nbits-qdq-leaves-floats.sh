#!/bin/sh
# onnxruntime 1.32.0: MatMulNBitsQuantizer, which quantises the weights of every MatMul in blocks, as operators and as QDQ.
# One would expect 8 bits in QDQ form to be quantised as 4 bits are, or to be refused as 2 bits are.
# Seen: with quant_format=QDQ and bits=8 process() ends as if it had worked, a line in the log aside, and the model that it leaves is
# the one that was given: every MatMul with its float weights. With quant_format=QOperator the same 8 bits become a MatMulNBits.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.32.0 onnx-ir==1.1.0 numpy==2.4.6; do # one by one: a pinned package keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantFormat
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

weights = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)


def model():
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 8])],
        [numpy_helper.from_array(weights, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def quantised(bits, form):
    quantizer = MatMulNBitsQuantizer(model(), bits=bits, block_size=32, quant_format=form)
    quantizer.process()
    made = quantizer.model.model
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    kept = session.run(None, {"x": np.eye(64, dtype=np.float32)})[0]
    return [node.op_type for node in made.graph.node], float(np.abs(kept - weights).max())


print(f"onnxruntime {ort.__version__}")
try:
    quantised(2, QuantFormat.QDQ)
    raise SystemExit("2 bits in QDQ form are no longer refused")
except AssertionError as refusal:
    print(f"QDQ, 2 bits: refused: {refusal}")
for bits, form, operators in (
    (4, QuantFormat.QDQ, ["DequantizeLinear", "MatMul"]),
    (8, QuantFormat.QOperator, ["MatMulNBits"]),
    (8, QuantFormat.QDQ, ["MatMul"]),
):
    found, error = quantised(bits, form)
    print(f"{form.name}, {bits} bits: {found}, weights off by at most {error:.6f}")
    assert found == operators
    assert (error == 0) == (found == ["MatMul"])
PY
