#!/bin/sh
# iree-base-compiler and iree-base-runtime 3.13.0 (llvm-cpu), onnx 1.23.2, onnxruntime 1.32.0: files with UINT8 tensors, float outside.
# One would expect unsigned integers to be compared as unsigned ones, in every operator or in none.
# Seen: QuantizeLinear, DequantizeLinear, Max and ReduceMax do, but MaxPool, Clip, TopK and Div read the same bytes as INT8: the
# largest of a window is the largest below 128, and a quantiser of 4 bits as QCDQ writes it, Clip(0, 15), makes 0 of 128 and more.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.23.2 onnxruntime==1.32.0 iree-base-compiler==3.13.0 iree-base-runtime==3.13.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import iree.compiler.tools as compiler
import iree.runtime as runtime
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

node = helper.make_node
x = np.array([[[[2, 100, 130, 7, 255, 16, 3, 4]]]], np.float32)
KNOWN = {"one": np.float32(1), "zero": np.uint8(0), "top": np.uint8(15), "two": np.uint8(2), "k": np.array([2]), "axis": np.array([3])}
print("iree", version("iree-base-compiler"), "onnxruntime", ort.__version__)


def run(name, operator, width):
    """What both make of QuantizeLinear, the operator, DequantizeLinear."""
    quantise = node("QuantizeLinear", ["x", "one", "zero"], ["q"])
    nodes = [quantise, operator, node("DequantizeLinear", ["r", "one", "zero"], ["y"])]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 1, w]) for n, w in (("x", 8), ("y", width))]
    used = {i for n in nodes for i in n.input}
    tensors = [numpy_helper.from_array(np.asarray(value), key) for key, value in KNOWN.items() if key in used]
    made = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors), opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, "model.onnx")
    subprocess.run([Path(sys.executable).parent / "iree-import-onnx", "model.onnx", "-o", "model.mlir"], check=True)
    compiler.compile_file(
        "model.mlir", input_type="onnx", output_file="model.vmfb",
        extra_args=["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=generic"],
    )  # fmt: skip
    context = runtime.SystemContext(config=runtime.Config("local-sync"))
    context.add_vm_module(runtime.VmModule.mmap(context.instance, "model.vmfb"))
    iree = context.modules.module["g"](x).to_host().ravel().tolist()
    (right,) = ort.InferenceSession("model.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": x})
    print(f"{name:12}onnxruntime {right.ravel().astype(int).tolist()}\n{'':12}iree        {[int(v) for v in iree]}")
    return right.ravel().tolist(), iree


pairs = {"kernel_shape": [1, 2], "strides": [1, 2]}
assert run("Max", node("Max", ["q", "top"], ["r"]), 8) == ([15, 100, 130, 15, 255, 16, 15, 15],) * 2
assert run("ReduceMax", node("ReduceMax", ["q", "axis"], ["r"]), 1) == ([255], [255])
assert run("MaxPool", node("MaxPool", ["q"], ["r"], **pairs), 4) == ([100, 130, 255, 4], [100, 7, 16, 4])
assert run("Clip(0, 15)", node("Clip", ["q", "zero", "top"], ["r"]), 8) == ([2, 15, 15, 7, 15, 15, 3, 4], [2, 15, 0, 7, 0, 15, 3, 4])
assert run("TopK", node("TopK", ["q", "k"], ["r", "i"]), 2) == ([255, 130], [100, 16])
halves = np.floor(x.ravel() / 2).tolist()
right, iree = run("Div by 2", node("Div", ["q", "two"], ["r"]), 8)
assert right == halves and [a != b for a, b in zip(iree, halves)] == [v >= 128 for v in x.ravel()]
PY
