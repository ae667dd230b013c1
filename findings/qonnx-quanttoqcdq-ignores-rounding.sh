#!/bin/sh
# qonnx 1.0.0, onnx 1.22.0: QuantToQCDQ, which writes Quant as QuantizeLinear, Clip and DequantizeLinear.
# One would expect what its documentation says: only a Quant whose rounding_mode is ROUND is replaced, since QuantizeLinear has
# no other rounding.
# Seen: the mode is never looked at. FLOOR, CEIL and DOWN (towards zero) become round half to even; and of an unsigned narrow Quant of
# 8 bits, which ends at 254, the clip is left out.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 qonnx==1.0.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.transformation.qonnx_to_qcdq import QuantToQCDQ


def before_and_after(x, bits, **attributes):
    """What qonnx' own execution says of one Quant of scale 1, and of what the transformation makes of it."""
    x = np.array(x, np.float32)
    quant = helper.make_node("Quant", ["x", "s", "z", "b"], ["y"], domain="qonnx.custom_op.general", **attributes)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name in ("x", "y")]
    tensors = [numpy_helper.from_array(np.float32(value), name) for name, value in (("s", 1), ("z", 0), ("b", bits))]
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    made = helper.make_model(helper.make_graph([quant], "g", ends[:1], ends[1:], tensors), opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(made)
    model = ModelWrapper(made)
    changed = model.transform(QuantToQCDQ()).transform(InferShapes())
    assert "QuantizeLinear" in [n.op_type for n in changed.graph.node]
    return [execute_onnx(m, {"x": x})["y"].tolist() for m in (model, changed)]


print("qonnx", version("qonnx"))
assert "rounding_mode attribute must be ROUND" in QuantToQCDQ.__doc__
x = [-1.75, -0.75, 0.25, 0.75, 1.25, 1.75]
for mode, rounds in (("ROUND", np.rint), ("FLOOR", np.floor), ("CEIL", np.ceil), ("DOWN", np.trunc)):
    before, after = before_and_after(x, 4, signed=1, narrow=0, rounding_mode=mode)
    print(f"{mode:14}{before} becomes {after}")
    assert before == rounds(x).tolist() and after == np.rint(x).tolist()
before, after = before_and_after([253, 254, 255, 300], 8, signed=0, narrow=1, rounding_mode="ROUND")
print(f"unsigned, narrow, 8 bits: {before} becomes {after}")
assert (before, after) == ([253, 254, 254, 254], [253, 254, 255, 255])
PY
