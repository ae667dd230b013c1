#!/bin/sh
# torch 2.13.0 (CPU): pools of quantised tensors with the engine of ARM processors, beside the other engines.
# One would expect avg_pool2d and max_pool2d of a quint8 tensor to be those of its real values, to within one step, whatever
# torch.backends.quantized.engine is.
# Seen: with "qnnpack" avg_pool2d divides by the whole kernel although count_include_pad=False or divisor_override says
# otherwise, so that the border is tens of steps off, and max_pool2d with dilation 2 gives a maximum of other elements. qint8
# tensors, and the engines "x86", "fbgemm" and "onednn", are right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in torch==2.13.0 numpy==2.4.6; do # one by one: a pinned torch keeps the rest from another
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
export PYTHONDONTWRITEBYTECODE=1
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
from torch.nn.functional import avg_pool2d, max_pool2d

torch.manual_seed(0)
real = torch.randn(2, 4, 8, 8)
ENGINES = [engine for engine in torch.backends.quantized.supported_engines if engine != "none"]
POOLS = {
    "average, border counted": lambda x: avg_pool2d(x, 3, 1, 1),
    "average, border not counted": lambda x: avg_pool2d(x, 3, 1, 1, count_include_pad=False),
    "average, divisor 5": lambda x: avg_pool2d(x, 3, 1, 1, divisor_override=5),
    "maximum, padded": lambda x: max_pool2d(x, 3, 1, 1),
    "maximum, dilated": lambda x: max_pool2d(x, 3, 1, 1, dilation=2),
}
print(f"torch {torch.__version__}, engines {ENGINES}: the largest difference in steps from the pool of the real values")
for engine in ENGINES:
    torch.backends.quantized.engine = engine
    for kind, zero in ((torch.quint8, 100), (torch.qint8, 7)):
        x = torch.quantize_per_tensor(real, 0.05, zero, kind)
        worst = {}
        for name, pool in POOLS.items():
            wanted = torch.quantize_per_tensor(pool(x.dequantize()), 0.05, zero, kind).int_repr().int()
            worst[name] = int((pool(x).int_repr().int() - wanted).abs().max())
        print(f"{engine}, {kind}: {worst}")
        for name, steps in worst.items():
            wrong = engine == "qnnpack" and kind == torch.quint8 and name.endswith(("not counted", "divisor 5", "dilated"))
            assert steps > 10 if wrong else steps <= 1
PY
