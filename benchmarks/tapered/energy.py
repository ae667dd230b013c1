"""Energy of one multiply-accumulate with a stored weight, by a stated model: it ranks, it gives no watts of an FPGA.

After Horowitz' 45 nm table (Computing's energy problem, ISSCC 2014): an addition of b bits is 0.003125 b pJ, a product
of a and b bits 0.0030 a b + 0.0010 (a + b) / 2 pJ (his 8 and 32-bit figures), a bit read from a memory of 8 kB 10 / 64
pJ. A two-input gate counts as a fifth of a bit's addition, as a full adder has five; so many gates as open synthesis
found in the decoder (``decoder.py``) switch for every weight. Activations have 8 bits, accumulators 8 more than the
product.
"""

from __future__ import annotations

from isobit.numerics.formats import Tapered

ACTIVATION, HEADROOM = 8, 8
_ADD, _SQUARE, _LINE, _READ = 0.003125, 0.0030, 0.0010, 10 / 64
GATES = {
    3: (0, 8), 4: (0, 9, 16), 5: (0, 10, 21, 30), 6: (0, 11, 32, 40, 41), 7: (0, 12, 38, 43, 53, 52),
    8: (0, 13, 42, 56, 61, 66, 67),
}  # fmt: skip
"""By bits, for runs from one on: what ``decoder.py`` printed with Yosys 0.70."""


def operation(bits: int) -> float:
    """Product and addition with an integer weight of so many bits, in pJ."""
    product = _SQUARE * ACTIVATION * bits + _LINE * (ACTIVATION + bits) / 2
    return product + _ADD * (ACTIVATION + bits + HEADROOM)


def fixed(bits: int) -> tuple[float, float]:
    """With an integer weight: without and with reading it, in pJ."""
    return operation(bits), operation(bits) + _READ * bits


def tapered(bits: int, run: int) -> tuple[float, float]:
    """With a code, its decoder, and the wider integer that it stands for: without and with reading the code, in pJ."""
    made = operation(Tapered(bits, run).integer_bits) + GATES[bits][run - 1] * _ADD / 5
    return made, made + _READ * bits
