#!/bin/sh
# ai-edge-litert 2.3.0, tflite-micro 0.dev20261023182759 (x86-64): quantised MAXIMUM, MINIMUM and CAST, and FLOOR_DIV of int16.
# One would expect them to work on the values that scale and zero point mean (as ADD, MUL and the comparisons do) or to be
# refused when the scales of inputs and output differ.
# Seen: all kernels take them, and work on the stored integers: MAXIMUM(0.3, -0.7) is the greater *integer*, CAST to
# float32 is the integer and not the value, FLOOR_DIV forgets all three scales. LESS of the same two tensors is right.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in ai-edge-litert==2.3.0 tflite-micro==0.dev20261023182759; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - 2>/dev/null <<'PY'
import numpy as np
from one_operator import file_of, litert, tensor, tflm

a, b = np.array([4, 10, -20], np.int8), np.array([40, -30, -100], np.int8)
real_a, real_b = (a - 0.0) * 0.5, (b - 60.0) * 0.125  # 2, 5, -10 and -2.5, -11.25, -20
two = [tensor([3], "int8", 0.5, 0), tensor([3], "int8", 0.125, 60)]


def every(file, samples, micro=True):
    runs = [litert(file, samples, kernels) for kernels in ("reference", "no delegate", "default")]
    runs += [tflm(file, samples)] if micro else []
    assert all(np.array_equal(run, runs[0]) for run in runs)
    return runs[0].tolist()


for operator, function in (("MAXIMUM", np.maximum), ("MINIMUM", np.minimum)):
    file = file_of(operator, two, tensor([3], "int8", 0.25, 0), 2, "MaximumMinimumOptions")
    got, meant = every(file, [a, b]), (function(real_a, real_b) / 0.25).tolist()
    print(operator, "gives", got, "of the values it would be", meant)
    assert got == function(a, b).tolist() != meant
less = every(file_of("LESS", two, tensor([3], "bool"), 2, "LessOptions"), [a, b])
print("LESS gives", less, "of the values it would be", (real_a < real_b).tolist())
assert less == (real_a < real_b).tolist() != (a < b).tolist()
cast = every(file_of("CAST", [tensor([3], "int8", 0.125, 60)], tensor([3], "float32"), 1, "CastOptions", inDataType=9, outDataType=0), [b])
print("CAST gives", cast, "the values are", real_b.tolist())
assert cast == [40.0, -30.0, -100.0]
n, d = np.array([700, -700], np.int16), np.array([20, 20], np.int16)
sixteen = [tensor([2], "int16", 0.5), tensor([2], "int16", 0.25)]
got = every(file_of("FLOOR_DIV", sixteen, tensor([2], "int16", 0.125), 2, "FloorDivOptions"), [n, d], micro=False)
print("FLOOR_DIV gives", got, "of the values it would be", (np.floor(n * 0.5 / (d * 0.25)) / 0.125).tolist())
assert got == [35, -35]
PY
