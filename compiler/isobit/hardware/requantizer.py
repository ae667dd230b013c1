"""One lane of a requantizer as open synthesis saw it: a table of LUTs, and how it is read between its points.

The table (``requantizer.toml``) is made by ``benchmarks/rescale/synthesis.py``: Yosys' ``synth_xilinx`` on a lane with
an 8-bit output, for 16, 20 and 24-bit accumulators. Between its points and beyond them LUTs are linear in the
accumulator's width, below 16 bits in proportion to it, and piecewise linear in the multiplicand's.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from isobit.hardware.board import Dsp
from isobit.hardware.resources import Cost

_FAMILY = {"DSP48E1": "xc7", "DSP48E2": "xcup"}
_DSP_PORTS = {"DSP48E1": (25, 18), "DSP48E2": (27, 18)}
_CLAMP_LUTS, _JOIN_LUTS = 8, 4
"""LUTs of the clamp behind a DSP; LUTs per bit of the accumulator where partial products of several DSPs are added."""


def dsp_ports(dsp: Dsp) -> tuple[int, int]:
    """Bits of the operands that a DSP block multiplies, signed, the wider one first."""
    return _DSP_PORTS[dsp]


def dsps(a: int, b: int, dsp: str) -> int:
    """DSP blocks of a signed product of ``a`` and ``b`` bits."""
    wide, narrow = _DSP_PORTS[dsp]
    return -(-max(a, b) // wide) * -(-min(a, b) // narrow)


def multiply_shift_lane(acc_bits: int, m_bits: int, constant: bool, dsp: str) -> tuple[Cost, Cost]:
    """Multiplier, adder and clamp of one lane: in LUTs, and with DSPs.

    ``constant``: one multiplicand for all channels, a constant; otherwise it comes from a memory.
    """
    blocks = dsps(acc_bits, m_bits + 1, dsp)
    with_dsp = Cost(lut=_CLAMP_LUTS + (blocks > 1) * _JOIN_LUTS * acc_bits, dsp=blocks)
    return Cost(lut=_luts(_FAMILY[dsp], "tensor" if constant else "channel", acc_bits, m_bits)), with_dsp


def thresholds_lane(acc_bits: int, levels: int, dsp: str) -> Cost:
    """The comparisons of one lane that bisect ``levels`` cuts, one a stage, without the memories of the cuts."""
    return Cost(lut=_luts(_FAMILY[dsp], "thresholds", acc_bits, levels.bit_length()))


def _luts(family: str, kind: str, acc_bits: int, size: int) -> int:
    """LUTs for an accumulator of ``acc_bits``, and multiplicands of ``size`` bits or ``size`` comparisons."""
    accs, sizes, luts = _table(family, kind)
    columns = [_between(sizes, row, size) for row in luts]
    if acc_bits < accs[0]:
        return max(1, round(columns[0] * acc_bits / accs[0]))
    return max(1, round(_between(accs, columns, acc_bits)))


def _between(points: Sequence[int], values: Sequence[float], x: int) -> float:
    """Linear between the two points next to ``x``, or on from the last two."""
    i = min(max(bisect_left(points, x), 1), len(points) - 1)
    x0, x1, y0, y1 = points[i - 1], points[i], values[i - 1], values[i]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


@cache
def _table(family: str, kind: str) -> tuple[list[int], list[int], list[list[int]]]:
    """Accumulator widths, sizes, and LUTs ``[accumulator][size]``."""
    data = tomllib.loads(files("isobit.hardware").joinpath("requantizer.toml").read_text(encoding="utf-8"))
    cells = {(acc, width): lut for acc, width, lut, *_ in data[family][kind]["rows"]}
    accs, widths = (sorted({key[i] for key in cells}) for i in (0, 1))
    return accs, widths, [[cells[acc, w] for w in widths] for acc in accs]
