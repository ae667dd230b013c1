#!/bin/sh
# pyrtl 1.0.3: multipliers.signed_tree_multiplier (a Wallace tree, "two's-complement signed integers") on 8 x 8 bits.
# One would expect all 65,536 products, as from pyrtl's signed_mult.
# Seen: 509 are wrong, without a word: each operand's magnitude loses its top bit, and -128 has no other. A product by -128 is 0,
# also in the other width of two unequal ones (-8 of four bits), so that INT8 weights or activations that use their whole range
# lose their most negative number. signed_mult is right everywhere.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pyrtl==1.0.3
cd "$work"
PYTHONDONTWRITEBYTECODE=1 "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version

import pyrtl
from pyrtl.rtllib import multipliers


def wrong(multiply, left, right):
    """The pairs of numbers of `left` and `right` bits whose product is another number."""
    pyrtl.reset_working_block()
    a, b, y = pyrtl.Input(left, "a"), pyrtl.Input(right, "b"), pyrtl.Output(left + right, "y")
    y <<= multiply(a, b)
    simulation = pyrtl.FastSimulation(tracer=None)
    pairs = []
    for p in range(-(1 << left - 1), 1 << left - 1):
        for q in range(-(1 << right - 1), 1 << right - 1):
            simulation.step({"a": p, "b": q})
            product = pyrtl.val_to_signed_integer(simulation.inspect("y"), left + right)
            if product != p * q:
                pairs.append((p, q, product))
    return pairs


print("pyrtl", version("pyrtl"))
for left, right in ((8, 8), (8, 4)):
    pairs = wrong(multipliers.signed_tree_multiplier, left, right)
    print(f"signed_tree_multiplier, {left} x {right}: {len(pairs)} wrong, such as {pairs[0]}, {pairs[-1]} (a, b, a * b)")
    least = -(1 << left - 1), -(1 << right - 1)
    assert all(product == 0 and (p == least[0] or q == least[1]) for p, q, product in pairs)
    # all but the products by 0: nothing else uses the least number
    assert len(pairs) == ((1 << left) - 1) + ((1 << right) - 1) - 1
    assert not wrong(pyrtl.signed_mult, left, right)
PY
