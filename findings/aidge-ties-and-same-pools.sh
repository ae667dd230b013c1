#!/bin/sh
# aidge-core, aidge-backend-cpu, aidge-onnx 0.10.1 (a framework that exports networks to embedded targets), onnx 1.23.2:
# ONNX files run on its CPU backend.
# One would expect QuantizeLinear to round halves to even, as its own Round does, and SAME_UPPER to pad behind, as its own
# Conv does.
# Seen: QuantizeLinear rounds every half up, 0.5 to 1 and -3.5 to -3, whatever the zero point; MaxPool with SAME_UPPER pads
# in front and with SAME_LOWER behind, so that the whole map is moved by one element.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 onnx==1.23.2 aidge-core==0.10.1 aidge-backend-cpu==0.10.1 aidge-onnx==0.10.1; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
"$work/venv/bin/python" - >seen 2>/dev/null <<'PY' || status=$?
import aidge_backend_cpu  # noqa: F401  (registers the kernels)
import aidge_core
import aidge_onnx
import numpy as np
import onnx
from onnx import helper


def run(operator, x, shape, constants=(), kind=onnx.TensorProto.FLOAT, **attributes):
    names = ["x", *(f"c{i}" for i in range(len(constants)))]
    ends = [helper.make_tensor_value_info("x", 1, x.shape), helper.make_tensor_value_info("y", kind, shape)]
    graph = helper.make_graph([helper.make_node(operator, names, ["y"], **attributes)], "one", ends[:1], ends[1:])
    for name, constant in zip(names[1:], constants, strict=True):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(constant), name))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "one.onnx")
    network = aidge_onnx.load_onnx("one.onnx")
    network.set_backend("cpu")
    aidge_core.SequentialScheduler(network).forward(data=[aidge_core.Tensor(x)])
    return np.array(next(iter(network.get_output_nodes())).get_operator().get_output(0))


x = np.arange(-10, 11, dtype=np.float32) / 2
even = np.round(x)
assert np.array_equal(run("Round", x, x.shape), even)
for zero_point in (0, 3):
    got = run("QuantizeLinear", x, x.shape, [np.float32(1), np.int8(zero_point)], onnx.TensorProto.INT8).astype(int)
    halves = x[got != even + zero_point]
    print(f"QuantizeLinear, zero point {zero_point}: other integers than ONNX's at {halves.tolist()}")
    assert np.array_equal(got, np.floor(x + 0.5) + zero_point) and halves.size == 5

m = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
behind, front = (np.pad(m[0, 0], p, mode="edge") for p in ((0, 1), (1, 0)))
windows = {
    "SAME_UPPER": np.maximum.reduce([behind[i : i + 4, j : j + 4] for i in (0, 1) for j in (0, 1)]),
    "SAME_LOWER": np.maximum.reduce([front[i : i + 4, j : j + 4] for i in (0, 1) for j in (0, 1)]),
}
for mode, other in (("SAME_UPPER", "SAME_LOWER"), ("SAME_LOWER", "SAME_UPPER")):
    pooled = run("MaxPool", m, m.shape, kernel_shape=[2, 2], auto_pad=mode)[0, 0]
    print(f"MaxPool {mode} of 0 .. 15, first row: {pooled[0].tolist()}, ONNX's {windows[mode][0].tolist()}")
    assert np.array_equal(pooled, windows[other])
corner = np.zeros((1, 1, 2, 2), np.float32)
corner[0, 0, 1, 1] = 1  # a convolution that takes the lower right neighbour
assert run("Conv", m, m.shape, [corner], auto_pad="SAME_UPPER")[0, 0, 0, 0] == m[0, 0, 1, 1]
PY
grep -v NOTICE seen # what the library itself prints
exit "${status:-0}"
