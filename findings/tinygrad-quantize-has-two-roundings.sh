#!/bin/sh
# tinygrad 0.14.0, onnx 1.23.2, onnxruntime 1.32.0: a file of one QuantizeLinear, run by tinygrad's OnnxRunner.
# One would expect what ONNX says for every type: a division, then halves to even.
# Seen: UINT8 (also where no zero point names a type) has a rounding of its own: 0.4999999 and the zero point are added in float32
# and the fraction is cut off. By zero point 0 a half goes down near 0 and up further out, by 128 every half goes up, and
# so does what lies 3e-6 below one. INT8 rounds halves to even, but of a product with the inverse of
# the scale: at scale 0.9 31 of 2,048 numbers differ.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in tinygrad==0.14.0 onnx==1.23.2 onnxruntime==1.32.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
PYTHONDONTWRITEBYTECODE=1 DEV=PYTHON "$work/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

numbers = (np.arange(-512, 512) / 4).astype(np.float32)  # quarters of a step: a fourth of them are exact halves
numbers = np.concatenate([numbers, numbers - np.float32(0.000003)])


def quantised(scale, zero_point):
    """The integers of ONNX Runtime and of tinygrad."""
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])]
    constants = [numpy_helper.from_array(np.asarray(v), n) for n, v in (("s", np.float32(scale)), ("z", zero_point))]
    kind = helper.np_dtype_to_tensor_dtype(zero_point.dtype)
    ends = [helper.make_tensor_value_info(n, t, [numbers.size]) for n, t in (("x", TensorProto.FLOAT), ("y", kind))]
    made = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, "q.onnx")
    session = onnxruntime.InferenceSession("q.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"x": numbers})[0].astype(int), OnnxRunner("q.onnx")({"x": Tensor(numbers)})["y"].numpy().astype(int)


different = {}
for zero_point in (np.int8(0), np.int8(3), np.uint8(0), np.uint8(3), np.uint8(128)):
    ort, tiny = quantised(1, zero_point)
    limits = np.iinfo(zero_point.dtype)
    assert (ort == np.clip(np.round(numbers) + np.float32(zero_point), limits.min, limits.max)).all()
    half = numbers % 1 == 0.5
    assert np.abs(ort - tiny).max() <= 1
    key = f"{zero_point.dtype}, zero point {zero_point}"
    different[key] = int((ort != tiny)[half].sum()), int((ort != tiny)[~half].sum())
    print(f"{key}: of {half.sum()} exact halves {different[key][0]} differ, of {(~half).sum()} other numbers {different[key][1]}")
    print("    0.5, 1.5, 2.5, 3.5:", *(f"{r} and {t}" for r, t in zip(ort[514:527:4], tiny[514:527:4])))
assert list(different.values()) == [(0, 0), (0, 0), (96, 0), (97, 3), (192, 128)], different
for scale, differ in ((np.float32(0.3), 13), (np.float32(0.9), 31)):
    ort, tiny = quantised(scale, np.int8(0))
    assert (tiny == np.clip(np.round(numbers * (np.float32(1) / scale)), -128, 127)).all()
    print(f"int8, scale {scale}: {(ort != tiny).sum()} of {numbers.size} differ")
    assert (ort != tiny).sum() == differ and (ort == np.clip(np.round(numbers / scale), -128, 127)).all()
PY
