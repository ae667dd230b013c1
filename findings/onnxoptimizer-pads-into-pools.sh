#!/bin/sh
# onnxoptimizer 0.4.2, onnx 1.22.0, onnxruntime 1.32.0: optimize() with its default passes on Pad with zeros in front of a pool.
# One would expect a Pad to go into a pool only where the pool's own border means the same: a MaxPool's border is minus
# infinity, an AveragePool's is left out of the count unless count_include_pad says otherwise.
# Seen: the zeros become the pool's own pads. Every MaxPool window at the border whose values are all negative changes
# (behind int8 quantisers too, where nothing is rounded away), and an AveragePool that has pads of its own with
# count_include_pad = 0 divides by another number. An AveragePool without own pads is fused right (the attribute is set).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.32.0 onnxoptimizer==0.4.2; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

BORDER = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)


def model(pool, **attributes):
    """x -> int8 QDQ -> Pad(0) -> pool."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Pad", ["d", "border"], ["p"]),
        helper.make_node(pool, ["p"], ["y"], kernel_shape=[3, 3], **attributes),
    ]
    constants = {"s": np.float32(0.125), "z": np.int8(0), "border": BORDER}
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 2, 6, 6]), ("y", [None] * 4))]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [numpy_helper.from_array(v, k) for k, v in constants.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    return made


def answers(made, samples):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.stack([session.run(None, {"x": x[None]})[0] for x in samples])


samples = np.random.default_rng(0).normal(0, 2, (100, 2, 6, 6)).astype(np.float32)
cases = {
    "MaxPool": {},
    "MaxPool, own pads 1": {"pads": [1] * 4},
    "AveragePool": {},
    "AveragePool, own pads 1, not counted": {"pads": [1] * 4, "count_include_pad": 0},
}
differ = {}
for name, attributes in cases.items():
    made = model(name.split(",")[0], **attributes)
    changed = onnxoptimizer.optimize(made)
    assert [n.op_type for n in changed.graph.node] == ["QuantizeLinear", "DequantizeLinear", name.split(",")[0]]
    before, after = answers(made, samples), answers(changed, samples)
    differ[name] = int((before != after).sum())
    print(f"{name}: {differ[name]} of {before.size} outputs changed, by at most {np.abs(before - after).max():g}")
assert differ["MaxPool"] > 0 and differ["MaxPool, own pads 1"] > differ["MaxPool"], differ
assert differ["AveragePool"] == 0 and differ["AveragePool, own pads 1, not counted"] > 5_000, differ
PY
