#!/bin/sh
# ml_dtypes 0.6.0, onnx 1.22.0, numpy 2.4.6: 4-bit weights of an ONNX file, read by onnx.numpy_helper.to_array.
# One would expect sums of a narrow integer type to be taken in a wide one, as numpy does for int8.
# Seen: the array is of ml_dtypes.int4, for which numpy has no wider type to sum in: sum and dot wrap in 4 bits,
# mean is 0 where every element is 7, "@" wraps in 8 bits, and one of three products (dot, @, einsum) is refused. The sums of
# weights that a zero point needs are wrong without a word; after .astype(int) all are right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in ml_dtypes==0.6.0 onnx==1.22.0 numpy==2.4.6; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" - <<'PY'
import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

print(f"ml_dtypes {ml_dtypes.__version__}, onnx {onnx.__version__}, numpy {np.__version__}")
weights = numpy_helper.to_array(helper.make_tensor("w", TensorProto.INT4, [20], [7] * 20))
eight = weights.astype(np.int8)
print(f"twenty sevens as {weights.dtype}: sum {weights.sum()}, mean {weights.mean()}, dot {np.dot(weights, weights)}, @ {weights @ weights}")
print(f"the same as {eight.dtype}: sum {eight.sum()}, mean {eight.mean()}")
assert weights.dtype == ml_dtypes.int4
assert eight.sum() == 140 and eight.mean() == 7
assert int(weights.sum()) == (140 + 8) % 16 - 8  # -4: wrapped in four bits
assert float(weights.mean()) == 0
assert int(np.dot(weights, weights)) == (980 + 8) % 16 - 8  # 4
assert int(weights @ weights) == (980 + 128) % 256 - 128  # -44: in eight
try:
    print(np.einsum("i,i", weights, weights))
    raise SystemExit("einsum takes int4 now")
except TypeError as error:
    print(f"einsum: {error}")
wide = weights.astype(int)
assert wide.sum() == 140 and wide @ wide == 980
PY
