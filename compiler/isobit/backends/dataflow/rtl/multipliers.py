"""Where a unit's products are made, in LUTs or in DSP blocks, as the estimate of its plan has it.

Left to itself a tool gives DSP blocks to products that the plan has in LUTs, or the reverse. The modules say it by
``use_dsp``, Vivado's attribute; `isobit synth` has Yosys keep to it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from isobit.backends.dataflow.catalogue.cost import product
from isobit.backends.dataflow.design import Process
from isobit.hardware import Prices
from isobit.hardware.board import Dsp

_FACTORS = {
    "dense": ("in_t", "weight_t"), "parallel_dense": ("in_t", "weight_t"), "streamed_dense": ("in_t", "weight_t"),
    "depthwise": ("in_t", "weight_t"), "parallel_depthwise": ("in_t", "weight_t"),
    "product": ("a_t", "b_t"), "channel_product": ("a_t", "b_t"),
}  # fmt: skip
_LINES = ("multiply_shift", "round_shift", "half_even")


def multiplier_styles(process: Process, dsp: Dsp) -> Iterator[tuple[str, str]]:
    """The module parameters that say where products are made: name and text."""
    types, constants, prices = dict(process.types), dict(process.constants), Prices(dsp)
    if process.template in _FACTORS:
        a, b = (types[name].bits for name in _FACTORS[process.template])
        yield "USE_DSP", _style(product(a, b, dsp).dsp)
    elif process.template in _LINES:
        one_row = int(constants["CHANNELS"]) <= int(constants["PE"])
        lane = prices.line(types["in_t"].bits, _magnitude(process.arrays[0].values), constant=one_row)
        yield "USE_DSP", _style(lane.dsp)
    elif process.template == "add":
        kinds = zip(("a_t", "b_t"), process.arrays, strict=True)
        operands = [(types[kind].bits, [int(v) for v in array.values.reshape(-1)]) for kind, array in kinds]
        yield "USE_DSP", _style(prices.scaled(int(constants["PE"]), operands).dsp)


def _style(blocks: int) -> str:
    return '"yes"' if blocks else '"no"'


def _magnitude(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
    """Bits of the widest number without its sign."""
    return max(abs(int(v)) for v in values.reshape(-1)).bit_length()
