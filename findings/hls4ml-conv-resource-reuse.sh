#!/bin/sh
# hls4ml 1.3.0, Vitis back end, io_parallel: one convolution of small integers, all scales 1, with the Latency strategy
# and with the Resource strategy at reuse factors that hls4ml lists as valid for the layer.
# One would expect a strategy and a reuse factor to change speed and size, never a sum.
# Seen: up to the fan-in (kernel size times channels) all agree; above it the kernel leaves products out and channels
# stay zero. The assertion that was to prevent it compares two numbers that are always equal.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in onnx==1.22.0 onnxruntime==1.31.1 qonnx==1.0.0 hls4ml==1.3.0; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
python="$work/venv/bin/python"
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=3
"$python" - <<'PY'
import tempfile

import numpy as np
from hls4ml_network import converted, file, outputs, weights_of_three_bits
from onnx import helper

CHANNELS, FILTERS, SIDE, KERNEL = 2, 4, 5, 3
FAN_IN = CHANNELS * KERNEL * KERNEL
rng = np.random.default_rng(0)
weights = rng.integers(-4, 4, (FILTERS, CHANNELS, KERNEL, KERNEL)).astype(np.float32)
images = rng.integers(-8, 8, (16, CHANNELS, SIDE, SIDE)).astype(np.float32)
windows = np.lib.stride_tricks.sliding_window_view(images, (KERNEL, KERNEL), axis=(2, 3))
wanted = np.einsum("bcyxij,ocij->boyx", windows, weights)
conv = helper.make_node("Conv", ["xq", "wq"], ["y"], kernel_shape=[KERNEL, KERNEL], strides=[1, 1], pads=[0] * 4,
                        dilations=[1, 1], group=1)
model = file(images.shape[1:], {"w": weights}, [weights_of_three_bits(), conv])
for strategy, reuse in (("Latency", 1), ("Resource", FAN_IN), ("Resource", 2 * FAN_IN)):
    with tempfile.TemporaryDirectory() as folder:
        made = converted(model, folder, "io_parallel", Strategy=strategy, ReuseFactor=reuse)
        valid = made.config.backend.get_valid_reuse_factors(FAN_IN, FILTERS)
        assert strategy == "Latency" or reuse in valid, valid
        found = outputs(made, images).reshape(wanted.shape)
    wrong = int((found != wanted).sum())
    zeros = int((found == 0).all(axis=(0, 2, 3)).sum())
    print(f"{strategy}, reuse factor {reuse}: {wrong} of {wanted.size} sums wrong, {zeros} of {FILTERS} channels zero")
    assert (wrong == 0) == (reuse <= FAN_IN)
PY
