#!/bin/sh
# apache-tvm 0.27.0.post1: a TFLite file with one int8 AVERAGE_POOL_2D through the importer of Relax, compiled with LLVM.
# One would expect TFLite's mean, rounded to the nearest integer: every other quantised operator here is read as
# dequantise, operate, quantise, and agrees with TFLite but for ties.
# Seen: the mean of the integers is cut off towards zero, so that nearly half of all outputs are a step nearer to zero;
# a network's activations shrink at each pool.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in apache-tvm==0.27.0.post1 ai-edge-litert==2.3.0 tflite==2.18.0; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - 2>/dev/null <<'PY'
import numpy as np
import tflite
import tvm
from one_operator import file_of, litert, tensor
from tvm import relax
from tvm.relax.frontend.tflite import from_tflite


def by_tvm(file, sample):
    module = relax.transform.LegalizeOps()(from_tflite(tflite.Model.GetRootAsModel(file, 0)))
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    return machine["main"](tvm.runtime.tensor(sample)).numpy().astype(int)


x = np.random.default_rng(0).integers(-128, 128, (1, 10, 10, 8)).astype(np.int8)
pool = {"padding": 1, "strideW": 1, "strideH": 1, "filterWidth": 3, "filterHeight": 3}
file = file_of("AVERAGE_POOL_2D", [tensor(x.shape, "int8", 0.1, 5)], tensor((1, 8, 8, 8), "int8", 0.1, 5), 2, "Pool2DOptions", **pool)
windows = np.lib.stride_tricks.sliding_window_view(x.astype(int), (3, 3), axis=(1, 2)).sum(axis=(-1, -2))
rounded = np.sign(windows) * ((np.abs(windows) + 4) // 9)
cut = np.sign(windows) * (np.abs(windows) // 9)
theirs, tflites = by_tvm(file, x), litert(file, [x], "reference").astype(int)
print(f"apache-tvm {tvm.__version__}: {np.count_nonzero(theirs != tflites)} of {theirs.size} means differ from TFLite's")
print("TFLite rounds:", np.array_equal(tflites, rounded), "- TVM cuts off:", np.array_equal(theirs, cut))
assert np.array_equal(tflites, rounded) and np.array_equal(theirs, cut) and np.count_nonzero(rounded != cut) > rounded.size // 3

file = file_of("QUANTIZE", [tensor(x.shape, "int8", 0.1, 5)], tensor(x.shape, "int8", 0.17, -3), 2)
assert np.array_equal(by_tvm(file, x), litert(file, [x], "reference").astype(int)), "rescaling rounds, as TFLite's does"
PY
