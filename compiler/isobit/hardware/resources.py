"""What a design takes of a board, and what each resource is worth beside the others."""

from __future__ import annotations

from dataclasses import dataclass

from isobit.hardware.board import Board

LUTS_PER_DSP, LUTS_PER_BRAM, LUTS_PER_URAM = 60, 240, 600
"""A PYNQ-Z1 has 242 LUTs to a DSP and 380 to a block RAM, a KV260 813 to a block RAM and 1830 to an UltraRAM; the
prices leave some of each for the rest of the design."""

Dearer = tuple[int, int, int, int]
"""How many times dearer than usual LUTs, DSPs, block RAMs and UltraRAMs are."""
USUAL: Dearer = (1, 1, 1, 1)


@dataclass(frozen=True)
class Cost:
    """Resource estimate; ``bram18`` in 18-kbit blocks, the halves of block RAMs, ``uram`` in 288-kbit ones.

    Flip-flops never decide what fits: every part has two to a LUT.
    """

    lut: int = 0
    dsp: int = 0
    bram18: int = 0
    uram: int = 0
    ff: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.lut + other.lut, self.dsp + other.dsp, self.bram18 + other.bram18, self.uram + other.uram,
            self.ff + other.ff,
        )  # fmt: skip

    def __sub__(self, other: Cost) -> Cost:
        return self + other.times(-1)

    def times(self, count: int) -> Cost:
        return Cost(self.lut * count, self.dsp * count, self.bram18 * count, self.uram * count, self.ff * count)

    @property
    def bram36(self) -> float:
        """Block RAMs of 36 kbit, as parts are counted: half ones are possible, a whole number is an int."""
        return self.bram18 / 2 if self.bram18 % 2 else self.bram18 // 2

    @property
    def weight(self) -> int:
        """One number for ranking: LUTs, and a price in LUTs for each of the other resources."""
        blocks = LUTS_PER_BRAM // 2 * self.bram18 + LUTS_PER_URAM * self.uram
        return self.lut + LUTS_PER_DSP * self.dsp + blocks

    def priced(self, dearer: Dearer) -> int:
        """:attr:`weight` with each resource (LUT, DSP, block RAM, UltraRAM) so many times dearer."""
        lut, dsp, bram, uram = dearer
        return Cost(self.lut * lut, self.dsp * dsp, self.bram18 * bram, self.uram * uram).weight

    def used(self, board: Board) -> tuple[tuple[str, float, int], ...]:
        """Name, estimate and what the board has, resource by resource."""
        return (
            ("LUT", self.lut, board.lut), ("DSP", self.dsp, board.dsps), ("BRAM36", self.bram36, board.bram36),
            ("URAM", self.uram, board.uram),
        )  # fmt: skip

    def fits(self, board: Board, share: float = 1.0) -> bool:
        return all(used <= share * limit for _, used, limit in self.used(board))

    def excess(self, board: Board, share: float = 1.0) -> str:
        """What exceeds ``share`` of the board, as a list for a message."""
        over = ((used, int(share * limit), name) for name, used, limit in self.used(board) if used > share * limit)
        return ", ".join(f"{used} of {limit} {name}" for used, limit, name in over)
