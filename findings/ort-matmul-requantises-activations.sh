#!/bin/sh
# onnxruntime 1.32.0 (CPU with 8-bit dot products), onnx 1.23.2: MatMul by weights behind a DequantizeLinear, of INT8 or INT4.
# One would expect the activations to keep the precision that the file gives them: float32, or 16 bits behind a quantiser.
# Seen: with the default options the pair becomes a MatMulNBits that rounds each 32 activations of a row to 8 bits, by a scale
# of its own at run time. Of 1000 and 31 ones the ones are gone: the sum is 1000, though all numbers are small integers. Files
# with 16-bit activations and 8-bit weights are computed with 8-bit activations, which no node of theirs says.
# session.qdq_matmulnbits_accuracy_level=1, or no optimisation, gives the exact sum. MatMulNBits' own default is full precision.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node
FLOAT, INT16 = TensorProto.FLOAT, TensorProto.INT16
x = np.array([[1000] + [1] * 31])
print("onnxruntime", ort.__version__)


def model(activations, weights):
    """A product by ones, weights per tensor, of float activations or 16-bit ones of scale 1/2."""
    quantised = activations == INT16
    linear = [node("DequantizeLinear", ["w", "one"], ["wf"]), node("MatMul", ["xf" if quantised else "x", "wf"], ["y"])]
    graph = helper.make_graph(
        [node("DequantizeLinear", ["x", "half", "zero"], ["xf"])] * quantised + linear,
        "g",
        [helper.make_tensor_value_info("x", activations, x.shape)],
        [helper.make_tensor_value_info("y", FLOAT, [1, 1])],
        [
            helper.make_tensor("w", weights, [x.size, 1], [1] * x.size),
            numpy_helper.from_array(np.float32(1), "one"),
            numpy_helper.from_array(np.float32(0.5), "half"), numpy_helper.from_array(np.int16(0), "zero"),
        ][: 4 if quantised else 2],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def run(made, level, entries):
    """The number in the output and the operators that are left."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level, options.optimized_model_filepath = level, "optimised.onnx"
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    (y,) = session.run(None, {"x": x.astype(np.int16 if "int16" in given.type else np.float32)})
    return float(y.item()), [n.op_type for n in onnx.load("optimised.onnx").graph.node]


levels = ort.GraphOptimizationLevel
for activations in (FLOAT, INT16):
    for weights in (TensorProto.INT8, TensorProto.INT4):
        made = model(activations, weights)
        default, ops = run(made, levels.ORT_ENABLE_ALL, {})
        unoptimised, _ = run(made, levels.ORT_DISABLE_ALL, {})
        level_1, _ = run(made, levels.ORT_ENABLE_ALL, {"session.qdq_matmulnbits_accuracy_level": "1"})
        names = [TensorProto.DataType.Name(t) for t in (activations, weights)]
        scale = 0.5 if activations == INT16 else 1
        print(f"activations {names[0]:5} weights {names[1]:4}: default {default} {ops}, unoptimised {unoptimised}, level 1 {level_1}")
        assert "MatMulNBits" in ops and (round(default), unoptimised, level_1) == (1000 * scale, 1031 * scale, 1031 * scale)
PY
