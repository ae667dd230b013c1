"""Boards as data, memories, and the one price model."""

from isobit.hardware.board import Board, board_names, load_board
from isobit.hardware.memory import Memory, fifo_storage, kept_memory, ram, ram_memory, rom_memory
from isobit.hardware.prices import Prices
from isobit.hardware.resources import Cost

__all__ = [
    "Board", "Cost", "Memory", "Prices", "board_names", "fifo_storage", "kept_memory", "load_board", "ram",
    "ram_memory", "rom_memory",
]  # fmt: skip
