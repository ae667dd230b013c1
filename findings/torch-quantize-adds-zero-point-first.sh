#!/bin/sh
# torch 2.13.0 (CPU): the quantiser that a network is trained with, and the one that it is converted to.
# One would expect fake_quantize_per_tensor_affine and quantize_per_tensor to give the same integers for one scale and zero point:
# the first is there to show training what the second will do.
# Seen: with an odd zero point every exact half differs, all scales being powers of two. fake_quantize and the exported
# quantized_decomposed operators round and then add the zero point (as ONNX' QuantizeLinear says), quantize_per_tensor and quantize_per_channel
# add first. With an even zero point they agree. Integers on a coarser scale are such halves, and so are the pixels of an image.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in torch==2.13.0 numpy==2.4.6; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import torch
import torch.ao.quantization.fx._decomposed  # registers the operators of exported networks

x = torch.arange(-200, 200) / 2.0
scale = 1.0


def fake(values, zero):
    return torch.fake_quantize_per_tensor_affine(values, scale, zero, -128, 127) / scale + zero


def channel(values, zero):
    scales, zeros = torch.full((1,), scale), torch.full((1,), zero)
    return torch.quantize_per_channel(values[None], scales, zeros, 0, torch.qint8).int_repr()[0]


def exported(values, zero):
    return torch.ops.quantized_decomposed.quantize_per_tensor(values, scale, zero, -128, 127, torch.int8)


def converted(values, zero):
    return torch.quantize_per_tensor(values, scale, zero, torch.qint8).int_repr()


for zero in (2, 3):
    first = np.clip(np.rint(x.numpy()) + zero, -128, 127)
    counts = {}
    for name, function in (("fake_quantize", fake), ("exported", exported), ("quantize_per_tensor", converted), ("quantize_per_channel", channel)):
        counts[name] = int((function(x, zero).numpy() != first).sum())
    print(f"torch {torch.__version__}, zero point {zero}: differ from 'round, then add' of {x.numel()}: {counts}")
    late = counts["quantize_per_tensor"], counts["quantize_per_channel"]
    assert counts["fake_quantize"] == counts["exported"] == 0
    assert late == ((0, 0) if zero == 2 else (200, 200))
PY
