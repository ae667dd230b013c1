#!/bin/sh
# onnxscript 0.7.2, onnx 1.23.2, onnxruntime 1.32.0: onnxscript.optimizer.optimize on a Pad before a ConvInteger.
# One would expect the Pad to stay where its zeros mean something else than the convolution's own border.
# Seen: it goes into the convolution, whose border means the zero point of the input: with a zero point every sum at the border
# changes. Without one, the two are the same, and they are only then. The rule is among the default ones.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxscript import optimizer

print("onnxscript", version("onnxscript"), "onnxruntime", ort.__version__)
x = np.arange(100, 116, dtype=np.uint8).reshape(1, 1, 4, 4)
for zero, wrong in ((0, 0), (100, 12)):
    known = {"w": np.ones((1, 1, 3, 3), np.uint8), "z": np.uint8(zero), "pads": np.array([0, 0, 1, 1] * 2)}
    graph = helper.make_graph(
        [helper.make_node("Pad", ["x", "pads"], ["p"]), helper.make_node("ConvInteger", ["p", "w", "z"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.INT32, x.shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in known.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    sums = []
    for made in (model, optimizer.optimize(model)):
        onnx.checker.check_model(made, full_check=True)
        (y,) = ReferenceEvaluator(made).run(None, {"x": x})
        (same,) = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})
        assert (y == same).all()
        sums.append(y[0, 0])
        print(f"zero point {zero:3}: {[n.op_type for n in made.graph.node]}, first row {y[0, 0, 0].tolist()}")
    padded = np.pad(x[0, 0].astype(int), 1) - zero
    assert (sums[0] == [[padded[i : i + 3, j : j + 3].sum() for j in range(4)] for i in range(4)]).all()
    assert int((sums[0] != sums[1]).sum()) == wrong
PY
