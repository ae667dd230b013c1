#!/bin/sh
# ai-edge-litert 2.3.0 (x86-64): SQRT of int8, beside its sisters EXP, LOG and RSQRT.
# One would expect one rounding in a family of kernels that all evaluate a function of one integer.
# Seen: SQRT cuts the fraction off (all 127 results are the floor, 65 of them not the nearest); the other three round.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in ai-edge-litert==2.3.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - 2>/dev/null <<'PY'
import numpy as np
from one_operator import file_of, litert, tensor

x = np.arange(1, 128, dtype=np.int8)
s_x, s_y = np.float32(0.05), np.float32(0.04)
real = x * float(s_x)
FUNCTIONS = {"SQRT": np.sqrt, "EXP": np.exp, "LOG": np.log, "RSQRT": lambda r: 1 / np.sqrt(r)}
for operator, function in FUNCTIONS.items():
    file = file_of(operator, [tensor(x.shape, "int8", s_x)], tensor(x.shape, "int8", s_y), version=2)
    exact = np.clip(function(real) / float(s_y), -128, 127)
    for kernels in ("reference", "no delegate", "default"):
        y = litert(file, [x], kernels)
        nearest, floor = int((y != np.round(exact)).sum()), int((y != np.floor(exact)).sum())
        print(f"{operator:5} {kernels:11} differs from the nearest integer {nearest}, from the floor {floor} of {x.size}")
        assert floor == 0 and nearest > 50 if operator == "SQRT" else nearest == 0
PY
