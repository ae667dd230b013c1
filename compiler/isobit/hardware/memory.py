"""Where a memory lies: in LUTs, block RAM or UltraRAM, by one rule, and what it takes there.

**The rule.** A memory goes where its price (:attr:`Cost.weight`) is least; on a tie LUTs come before block RAM and
block RAM before UltraRAM. Only memories that are written at run time (line buffers, FIFOs) may lie in UltraRAM: its
contents cannot be part of an UltraScale+ bitstream, it comes up as zeros (Vivado synthesis guide UG901, UltraRAM).

What ``depth`` words of ``width`` bits take:

* LUTs: ``ceil(depth / 64) * width`` when constant (64 bits a LUT), ``ceil(depth / 32) * width`` when written;
* block RAM: the fewest 18-kbit blocks, of which a block RAM is two, in any one of their shapes, 512 x 36 to 16384 x 1;
* UltraRAM: blocks of 4096 x 72, the only shape there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from isobit.hardware.board import Board
from isobit.hardware.resources import Cost

Memory = Literal["auto", "lutram", "bram", "uram"]
"""Where a memory lies; ``auto`` leaves it to the rule."""

_BRAM18_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
_URAM_WIDTH, _URAM_DEPTH = 72, 4096
_ROM_BITS_PER_LUT, _RAM_BITS_PER_LUT = 64, 32


def rom_memory(depth: int, width: int) -> Memory:
    """Where the rule puts a constant memory. One word is no memory, but constants in the logic: ``auto``."""
    return "auto" if depth <= 1 else _cheapest(("lutram", "bram"), depth, width, _ROM_BITS_PER_LUT)


def ram_memory(depth: int, width: int, board: Board) -> Memory:
    """Where the rule puts a memory with one write and one read port."""
    kinds: tuple[Memory, ...] = ("lutram", "bram", "uram") if board.uram else ("lutram", "bram")
    return _cheapest(kinds, depth, width, _RAM_BITS_PER_LUT)


def kept_memory(depth: int, width: int) -> Memory:
    """Where the rule puts words that a unit keeps for itself: no plan chooses their place, and none is UltraRAM."""
    return _cheapest(("lutram", "bram"), depth, width, _RAM_BITS_PER_LUT)


def rom(depth: int, width: int, memory: Memory = "auto") -> Cost:
    """What a constant memory takes in ``memory``; one word is constants in the logic, and nothing."""
    if depth <= 1:
        return Cost()
    chosen = rom_memory(depth, width) if memory == "auto" else memory
    return _cost(chosen, depth, width, _ROM_BITS_PER_LUT)


def ram(depth: int, width: int, board: Board, memory: Memory = "auto") -> Cost:
    """What a memory with one write and one read port takes in ``memory``."""
    chosen = ram_memory(depth, width, board) if memory == "auto" else memory
    return _cost(chosen, depth, width, _RAM_BITS_PER_LUT)


def kept(depth: int, width: int) -> Cost:
    """What such words take."""
    return _cost(kept_memory(depth, width), depth, width, _RAM_BITS_PER_LUT)


def fifo_storage(depth: int, width: int, board: Board) -> str:
    """What Vitis HLS calls the place of a FIFO: ``srl`` (shift registers in LUTs), ``bram`` or ``uram``."""
    memory = ram_memory(depth, width, board)
    return "srl" if memory == "lutram" else memory


def _cheapest(kinds: Iterable[Memory], depth: int, width: int, bits_per_lut: int) -> Memory:
    return min(kinds, key=lambda kind: _cost(kind, depth, width, bits_per_lut).weight)


def _cost(memory: Memory, depth: int, width: int, bits_per_lut: int) -> Cost:
    if memory == "uram":
        return Cost(uram=-(-width // _URAM_WIDTH) * -(-depth // _URAM_DEPTH))
    if memory == "bram":
        return Cost(bram18=min(-(-width // w) * -(-depth // d) for w, d in _BRAM18_SHAPES))
    return Cost(lut=-(-depth // bits_per_lut) * width)
