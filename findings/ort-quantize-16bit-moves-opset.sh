#!/bin/sh
# onnxruntime 1.32.0, onnx 1.22.0: quantize_static with 16-bit activations on a model of opset 17.
# One would expect the file to stay at opset 17 with com.microsoft's QuantizeLinear, as the extra option
# UseQDQContribOps describes and as older versions did.
# Seen: the file says opset 21 and standard QuantizeLinear, so that *every* node is read by opset 21's rules, while
# ir_version stays 8, older than that opset. onnx.checker does not mind. 8-bit activations leave the opset alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.32.0 sympy==1.14.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
cd "$work"
"$python" - 2>/dev/null <<'PY'
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

rng = np.random.default_rng(0)
w = numpy_helper.from_array(rng.normal(0, 1, (4, 8)).astype(np.float32), "w")
ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 4]), ("y", [1, 8]))]
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [w])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "float.onnx")


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": rng.normal(0, 1, (1, 4)).astype(np.float32)} for _ in range(4)]

    def get_next(self):
        return self.left.pop() if self.left else None


for kind, opset in ((QuantType.QInt8, 17), (QuantType.QInt16, 21), (QuantType.QUInt16, 21)):
    quantize_static("float.onnx", "quantised.onnx", Reader(), activation_type=kind)
    model = onnx.load("quantised.onnx")
    onnx.checker.check_model(model, full_check=True)
    found = next(o.version for o in model.opset_import if o.domain == "")
    domains = sorted({n.domain or "ai.onnx" for n in model.graph.node if "Quantize" in n.op_type})
    print(f"{kind.name}: opset {found}, IR {model.ir_version}, QuantizeLinear of {domains}")
    assert (found, model.ir_version, domains) == (opset, 8, ["ai.onnx"])
PY
