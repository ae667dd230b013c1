#!/bin/sh
# fixedpoint 1.0.1: sums of a signed and an unsigned fixed-point number, over every pair of 4 bits each.
# One would expect what its document promises for any combination of signs: "Overflow is not possible using the addition operators".
# Seen: the sum is signed and one integer bit wider than the wider number, which is what two signed numbers need. An unsigned number
# at least as wide as the signed one needs two: 3.5 + 7.5 is -5, and no alert is given. Differences of the two are a bit wider and
# right. An unsigned activation plus a signed bias is such a sum.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check fixedpoint==1.0.1
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
import operator
from importlib.metadata import version

from fixedpoint import FixedPoint


def number(value, signed):
    """Three integer bits and one after the point; an overflow is an error."""
    quiet = {"mismatch_alert": "ignore", "implicit_cast_alert": "ignore"}  # two default roundings, neither of which is used
    return FixedPoint(value, signed=signed, m=3, n=1, overflow_alert="error", **quiet)


print("fixedpoint", version("fixedpoint"), "-", number(0, True).qformat, "and", number(0, False).qformat)
for name, operate in {"signed + unsigned": operator.add, "signed - unsigned": operator.sub}.items():
    wrong = {}
    for left in range(-8, 8):
        for right in range(16):
            result = operate(number(left / 2, True), number(right / 2, False))
            said = operate(left, right) / 2
            if float(result) != said:
                wrong[left / 2, right / 2] = float(result), said
                assert float(result) - said == -16  # wrapped in four integer bits
    print(f"{name} is {result.qformat}: {len(wrong)} of 256 wrong", *list(wrong.items())[-1:])
    if name == "signed + unsigned":
        assert set(wrong) == {(a / 2, b / 2) for a in range(-8, 8) for b in range(16) if a + b >= 16}
        assert wrong[3.5, 7.5] == (-5, 11) and result.qformat == "Q4.1"
    else:
        assert not wrong and result.qformat == "Q5.1"
PY
