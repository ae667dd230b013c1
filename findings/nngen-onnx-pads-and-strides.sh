#!/bin/sh
# nngen 1.3.4 (an FPGA accelerator generator), onnx 1.23.2: one-operator ONNX files through its importer and its own
# integer evaluation, which its users take for what the hardware gives.
# One would expect ONNX's results or a refusal.
# Seen: a Pad of opset 11 and later, whose widths are an input, is dropped; AveragePool counts what is padded with
# count_include_pad = 0; pools whose strides differ are evaluated with the column's stride in both directions, other than
# the shape that the graph itself declares; ReduceMax over height and width reduces width and channels.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 onnx==1.23.2 nngen==1.3.4; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
"$work/venv/bin/python" - 2>/dev/null <<'PY'
import nngen
import numpy as np
import onnx
from onnx import helper

SHAPE = (1, 2, 6, 6)


def evaluated(operator, shape, values, constants=(), **attributes):
    """What nngen evaluates, channels first where it says that they are last, and the shape that its graph declares."""
    names = ["x", *(f"c{i}" for i in range(len(constants)))]
    floats = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", SHAPE), ("y", shape))]
    graph = helper.make_graph([helper.make_node(operator, names, ["y"], **attributes)], "one", floats[:1], floats[1:])
    for name, constant in zip(names[1:], constants, strict=True):
        graph.initializer.append(onnx.numpy_helper.from_array(constant, name))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "one.onnx")
    outputs = nngen.from_onnx("one.onnx", default_operator_dtype=nngen.int16, verbose=False)[0]
    (result,) = nngen.eval([outputs["y"]], x=values.transpose(0, 2, 3, 1))
    declared, result = tuple(outputs["y"].shape), np.asarray(result)
    if outputs["y"].layout == ("N", "H", "W", "C"):
        result, declared = result.transpose(0, 3, 1, 2), tuple(declared[i] for i in (0, 3, 1, 2))
    return result, declared


x = np.random.default_rng(0).integers(-20, 20, SHAPE)

same, _ = evaluated("MaxPool", (1, 2, 3, 3), x, kernel_shape=[2, 2], strides=[2, 2])
assert np.array_equal(same, x.reshape(1, 2, 3, 2, 3, 2).max(axis=(3, 5))), "a plain pool is ONNX's"

padded, _ = evaluated("Pad", (1, 2, 9, 7), x, [np.array([0, 0, 1, 0, 0, 0, 2, 1])])
print("Pad to 126 elements gives", padded.size)
assert padded.size == x.size

pool = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1], "count_include_pad": 0}
average, _ = evaluated("AveragePool", SHAPE, np.full(SHAPE, 18), **pool)
print("averages of a map of 18, first row:", average[0, 0, 0].tolist())
assert average[0, 0, 0].tolist() == [8, 12, 12, 12, 12, 8]

for strides, right, wrong in (([2, 1], (1, 2, 3, 5), (1, 2, 5, 5)), ([1, 2], (1, 2, 5, 3), (1, 2, 3, 3))):
    result, declared = evaluated("MaxPool", right, x, kernel_shape=[2, 2], strides=strides)
    print(f"MaxPool with strides {strides}: ONNX and nngen's graph {right}, evaluated {result.shape}")
    assert declared == right and result.shape == wrong

most, _ = evaluated("ReduceMax", (1, 2, 1, 1), x, axes=[2, 3], keepdims=1)
print("ReduceMax over height and width to 2 elements gives", most.size)
assert most.size == 6 and np.array_equal(most.ravel(), x.max(axis=(1, 3)).ravel())
PY
