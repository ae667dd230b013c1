"""Boards as data and the cost of template instances."""

from isobit.hardware.board import Board, board_names, load_board
from isobit.hardware.memory import Memory, fifo_storage, ram, ram_memory, rom_memory
from isobit.hardware.resources import Cost

__all__ = ["Board", "Cost", "Memory", "board_names", "fifo_storage", "load_board", "ram", "ram_memory", "rom_memory"]
