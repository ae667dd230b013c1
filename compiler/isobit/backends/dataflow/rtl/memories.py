"""Where a unit's own memories lie, as the estimate has it: the words that it keeps, and the constants of steps.

Left to itself a tool puts some into block RAM that the plan has in LUTs, or the reverse. The modules say it by
``ram_style`` and ``rom_style``, Vivado's attributes, to which Yosys keeps. Weights and the lines of windows have a
place of their own in the plan and are none of these.
"""

from __future__ import annotations

from collections.abc import Iterator

from isobit.backends.dataflow.design import Array, Process
from isobit.hardware import kept_memory, rom_memory

_SHALLOW = 32
"""Words up to which a memory is a LUT a bit, or registers: a tool sees that itself."""
_PLACES = {"auto": "auto", "lutram": "distributed", "bram": "block"}
_CONSTANTS = {
    "multiply_shift": ("MULTIPLIERS", "OFFSETS", "SHIFTS"), "round_shift": ("MULTIPLIERS", "OFFSETS"),
    "half_even": ("MULTIPLIERS", "OFFSETS", "GAPS"), "add": ("KA", "KB"),
}  # fmt: skip


def memory_styles(process: Process) -> Iterator[tuple[str, str]]:
    """The module parameters that say where its own memories lie: name and text."""
    for name, depth, width in kept_words(process):
        yield f"{name}_MEMORY", f'"{_PLACES[kept_memory(depth, width)] if depth > _SHALLOW else "auto"}"'
    for name, array in zip(_CONSTANTS.get(process.template, ()), process.arrays, strict=False):
        yield f"{name}_STYLE", _constants(len(array.values), array.values[0].size * array.elem.bits)
    if process.template == "lookup":
        yield "TABLE_STYLE", _block(table_depth(process.arrays[0]), process.arrays[0].elem.bits)


def kept_words(process: Process) -> Iterator[tuple[str, int, int]]:
    """What a unit keeps at run time: name, words and bits of each."""
    c = {name: int(value) for name, value in process.constants if not isinstance(value, str)}
    bits = {name: kind.bits for name, kind in process.types}
    if process.template in ("dense", "streamed_dense") and c["OUT"] > c["PE"]:
        yield "VECTOR", c["IN"] // c["SIMD"], c["SIMD"] * bits["in_t"]
    if process.template == "streamed_dense" and c["VECTORS"] > 1:
        yield "MATRIX", c["OUT"] // c["PE"] * (c["IN"] // c["SIMD"]), c["PE"] * c["SIMD"] * bits["weight_t"]
    if process.template == "reorder":
        yield "FRAME", c["IN_WORDS"], c["LANES"] * bits["elem_t"]
    if process.template == "upsample":
        row = c["W"] * c["CHANNELS"] // c["LANES"]
        yield "KEPT", row if c["FACTOR_H"] > 1 else max(c["CHANNELS"] // c["LANES"], 1), c["LANES"] * bits["elem_t"]
    if process.template == "channel_product":
        width = min(c["PE"], c["CHANNELS"])
        yield "KEPT", c["CHANNELS"] // width, width * bits["b_t"]


def table_depth(array: Array) -> int:
    """Words of a lane's tables ``[rows][lanes][entries]``: both counts are filled up to powers of two."""
    rows, _, entries = array.values.shape
    return 1 << int(rows - 1).bit_length() + max(int(entries - 1).bit_length(), 1)


def _constants(depth: int, width: int) -> str:
    """A step's constants in block RAM where the rule says so; few words go into the logic that they are read by."""
    place = rom_memory(depth, width)
    return f'"{_PLACES[place] if place == "bram" or depth > _SHALLOW else "auto"}"'


def _block(depth: int, width: int) -> str:
    """Tables in block RAM where the rule says so; others are logic, as their entries follow each other."""
    return '"block"' if rom_memory(depth, width) == "bram" else '"auto"'
