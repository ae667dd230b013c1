"""Where a memory lies: in LUTs, block RAM or UltraRAM, by one rule, and what it takes there.

**The rule.** A memory goes where its price (:attr:`Cost.weight`) is least; on a tie LUTs come before block RAM and
block RAM before UltraRAM. Only memories that are written at run time (line buffers, FIFOs) may lie in UltraRAM: its
contents cannot be part of an UltraScale+ bitstream, it comes up as zeros (Vivado synthesis guide UG901, UltraRAM).

What ``depth`` words of ``width`` bits take:

* LUTs: ``ceil(depth / 64) * width`` when constant (64 bits a LUT), ``ceil(depth / 32) * width`` when written;
* block RAM: halves of 18 kbit or whole ones, all in one of their shapes (512 x 36 to 16384 x 1 of a half): as Yosys
  maps a memory, which is the cheapest of them with what chooses among banks (:func:`halves`);
* UltraRAM: blocks of 4096 x 72, the only shape there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Literal

from isobit.hardware.board import Board
from isobit.hardware.resources import Cost

Memory = Literal["auto", "lutram", "bram", "uram"]
"""Where a memory lies; ``auto`` leaves it to the rule."""

_SHAPES = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
"""Width and depth of half a block RAM."""
_WHOLE = ((72, 512), (36, 1024), (18, 2048), (9, 4096), (4, 8192), (2, 16384), (1, 32768))
_BYTE = 9
_PRICES = ((129, 1, _SHAPES), (257, 2, _WHOLE))
"""What Yosys' library of cells says that a block is worth, and its halves."""
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


def different_bits(rows: int, bits: int) -> float:
    """How many of so many drawn ``bits`` of each of ``rows`` constant words take a LUT, on average.

    A bit is a function of the place, one of 2^(rows - 1) that are not each other's inverse: what is alike is built
    once, and a constant or a bit of the place itself not at all.
    """
    if rows > 30:
        return bits
    kinds = 1 << rows - 1
    return (kinds - 1 - (rows - 1).bit_length()) * (1 - (1 - 1 / kinds) ** bits)


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


@lru_cache(maxsize=1 << 16)
def halves(depth: int, width: int, written: bool) -> int:
    """Halves of block RAMs, as Yosys' ``memory_libmap`` makes a memory of them.

    Deeper memories are banks, whose words lie side by side across blocks; one that is ``written`` has whole bytes of 9
    bits. A bit of the choice among banks is worth half a LUT.
    """
    best = (float("inf"), 0)
    for price, parts, shapes in _PRICES:
        for bits, words in shapes:
            byte = min(_BYTE, bits) if written else 1
            banks = -(-depth // words)
            blocks = -(-banks * -(-width // byte) * byte // bits)
            chosen = (banks - 1) * width + (banks if written and banks > 1 else 0)
            best = min(best, (price * blocks + chosen / 2, parts * blocks), key=itemgetter(0))
    return best[1]


def _cost(memory: Memory, depth: int, width: int, bits_per_lut: int) -> Cost:
    if memory == "uram":
        return Cost(uram=-(-width // _URAM_WIDTH) * -(-depth // _URAM_DEPTH))
    if memory == "bram":
        return Cost(bram18=halves(depth, width, bits_per_lut == _RAM_BITS_PER_LUT))
    return Cost(lut=-(-depth // bits_per_lut) * width)
