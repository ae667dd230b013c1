#!/bin/sh
# ai-edge-litert 2.3.0, tflite-micro 0.dev20261023182759 (x86-64): ADD and SUB of int16 whose three scales are powers of two.
# One would expect these to be the easiest scales, and a flag that is absent from the file to mean false.
# Seen: `pot_scale_int16` of AddOptions and SubOptions is true when it is absent (a schema default). LiteRT then takes a
# shift-only kernel if all scales are powers of two: it refuses the file when neither input has the output's scale, and
# else rounds another way than the same file with the flag false. TFLM does not read the flag. TensorFlow's own
# converter writes false, so only files of other writers meet this.
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

rng = np.random.default_rng(0)
a, b = (rng.integers(-9000, 9000, 4096).astype(np.int16) for _ in range(2))
for operator, version, sign in (("ADD", 2, 1), ("SUB", 5, -1)):
    for s_y in (1 / 8, 1 / 4):
        def file(**flag):
            ends = [tensor([4096], "int16", 1 / 16), tensor([4096], "int16", 1 / 8)]
            return file_of(operator, ends, tensor([4096], "int16", s_y), version, f"{operator.title()}Options", **flag)

        quotient = (a / 16 + sign * b / 8) / s_y
        away = np.sign(quotient) * np.floor(np.abs(quotient) + 0.5)
        assert np.array_equal(litert(file(potScaleInt16=False), [a, b], "reference"), away)
        assert np.array_equal(tflm(file(), [a, b]), away)
        for kernels in ("reference", "no delegate", "default"):
            try:
                differ = int((litert(file(), [a, b], kernels) != away).sum())
            except RuntimeError as error:
                print(f"{operator} 1/16, 1/8 -> {s_y}, {kernels}: refused, {str(error).split('Node')[0]}")
                assert s_y == 1 / 4
            else:
                print(f"{operator} 1/16, 1/8 -> {s_y}, {kernels}: {differ} of 4096 differ from the flag's false")
                assert s_y == 1 / 8 and differ > 500
PY
