#!/bin/sh
# openvino 2026.4.1 (CPU, f32), onnx 1.22.0: a file of one QuantizeLinear.
# One would expect the very operator that defines an ONNX file's integers to give the same ones everywhere.
# Seen: OpenVINO rounds the sum of quotient and zero point, for 8 and 16 bits: with an odd zero point every exact half that does
# not saturate is one step off what the operator's definition and ONNX' reference say. The scale is a power of two.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in openvino==2026.4.1 onnx==1.22.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import openvino
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

x = (np.arange(-200, 200) / 8).astype(np.float32)
core = openvino.Core()
print(f"openvino {openvino.__version__}")
for kind in (np.int8, np.uint8, np.int16):
    for zero in (2, 3):
        known = [numpy_helper.from_array(np.float32(0.25), "s"), numpy_helper.from_array(kind(zero), "z")]
        graph = helper.make_graph(
            [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(np.dtype(kind)), x.shape)],
            known,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        data = model.SerializeToString()
        limits = np.iinfo(kind)
        said = np.clip(np.rint(x / np.float32(0.25)) + zero, limits.min, limits.max)
        compiled = core.compile_model(core.read_model(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        answers = {
            "ONNX' reference": ReferenceEvaluator(model).run(None, {"x": x})[0],
            "OpenVINO": compiled({"x": x})[0],
        }
        wrong = {name: int((answer != said).sum()) for name, answer in answers.items()}
        print(f"{kind.__name__}, zero point {zero}: differ from the definition of {x.size}: {wrong}")
        assert wrong["ONNX' reference"] == 0
        assert wrong["OpenVINO"] == 0 if zero == 2 else wrong["OpenVINO"] > 90
PY
