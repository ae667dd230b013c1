#!/bin/sh
# brevitas 0.13.4, qonnx 1.0.0, onnxruntime 1.31.1: activation quantisers that round otherwise than half to even.
# One would expect an exporter to refuse a rounding that its format can't say, and QONNX's executor to know
# every rounding that QONNX files of Brevitas name.
# Seen: export_onnx_qcdq writes FLOOR, CEIL, ROUND_TO_ZERO and DPU as a plain QuantizeLinear without a word, so that the
# file rounds half to even and its outputs differ from the module's by a whole step. export_qonnx writes the names
# ROUND_TO_ZERO and DPU, which qonnx 1.0.0 cannot run ("Could not resolve rounding mode").
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in torch==2.13.0 brevitas==0.13.4 qonnx==1.0.0 onnx==1.22.0 onnxruntime==1.31.1 onnxoptimizer==0.4.2 onnxscript==0.7.2; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
cd "$work"
"$python" - 2>/dev/null <<'PY'
import brevitas.nn as qnn
import numpy as np
import onnx
import onnxruntime as ort
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

x = (np.arange(-40, 40) / 16).astype(np.float32)[None]  # quantised with a step of 1/8: every second one is a tie
for rounding, wrong in (("ROUND", 0), ("FLOOR", 20), ("CEIL", 20), ("ROUND_TO_ZERO", 20), ("DPU", 10)):
    module = qnn.QuantIdentity(bit_width=6, scaling_impl_type="const", scaling_init=4.0, restrict_scaling_type="power_of_two", float_to_int_impl_type=rounding).eval()
    with torch.no_grad():
        y = module(torch.from_numpy(x)).numpy()
    export_onnx_qcdq(module, torch.from_numpy(x), "qcdq.onnx", dynamo=False)
    session = ort.InferenceSession("qcdq.onnx", providers=["CPUExecutionProvider"])
    z = session.run(None, {session.get_inputs()[0].name: x})[0]
    export_qonnx(module, torch.from_numpy(x), "qonnx.onnx", dynamo=False)
    named = [helper.get_attribute_value(a).decode() for n in onnx.load("qonnx.onnx").graph.node for a in n.attribute if a.name == "rounding_mode"]
    model = ModelWrapper("qonnx.onnx").transform(InferShapes())
    try:
        run = execute_onnx(model, {model.graph.input[0].name: x})[model.graph.output[0].name]
        executed = f"qonnx runs it, {int((run != y).sum())} differ"
    except Exception as error:
        executed = f"qonnx: {error}"
    differ = int((y != z).sum())
    print(f"{rounding}: QCDQ {differ} of 80 differ from the module; QONNX says {named[0]}; {executed}")
    assert differ == wrong and named == [rounding]
    assert ("Could not resolve" in executed) == (rounding in ("ROUND_TO_ZERO", "DPU"))
PY
