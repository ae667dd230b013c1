#!/bin/sh
# onnx-quantize 0.2.0, onnx 1.23.2, onnxruntime 1.32.0: files of one Gemm with alpha 2 or beta 1/2, weights of 8 bits, one scale an output;
# weights alone, dynamic and static.
# One would expect the quantised model to be the model to within a few steps, or a refusal, as transB and other shapes are cared for.
# Seen: alpha and beta are left out in all three: with alpha 2 every product counts half. The quantised file is, to within
# its steps, the float file with both set to 1.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 onnx-quantize==0.2.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" -W ignore - 2>"$work/log" <<'PY' || { cat "$work/log"; exit 1; }
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx_quantize import QConfig, quantize

draw = np.random.default_rng(0)
x, weights = draw.normal(size=(64, 16)).astype(np.float32), draw.normal(size=(16, 16)).astype(np.float32)
bias = (4 * draw.normal(size=16)).astype(np.float32)


def model(**attributes):
    """A file of one Gemm."""
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [64, 16]) for n in "xy"]
    constants = [numpy_helper.from_array(v, n) for n, v in (("w", weights), ("b", bias))]
    graph = helper.make_graph([helper.make_node("Gemm", ["x", "w", "b"], ["y"], **attributes)], "g", ends[:1], ends[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def answer(made):
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def error(y, right):
    """The share of the outputs' power."""
    return float(np.sqrt(((y - right) ** 2).mean() / (right**2).mean()))


plain = answer(model())
modes = {"weights alone": {"weights_only": True}, "dynamic": {"is_static": False}, "static": {"calibration_data": x}}
print("onnx-quantize", version("onnx-quantize"))
for attributes in ({}, {"transB": 1}, {"alpha": 2.0}, {"beta": 0.5}):
    right = answer(model(**attributes))
    for mode, options in modes.items():
        y = answer(quantize(model(**attributes), QConfig(group_size=-1, **options)))
        print(f"Gemm {attributes or ''}, {mode}: error {error(y, right):.3f}, {error(y, plain):.3f} of alpha = beta = 1")
        if "alpha" in attributes or "beta" in attributes:
            assert error(y, right) > 0.2 and error(y, plain) < 0.03
        else:
            assert error(y, right) < 0.03
PY
